import { replayErrors } from './replay.errors';
import type { TurnPosition } from './turns';

const TURN_ID = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/;

/** Where a replay goes on, and the last message that it gives: the end does not move while it goes on. */
export interface Remaining {
  position: TurnPosition;
  upTo: number;
}

/** The id of a turn's event. */
export const toReplayId = ({ seq, turn }: TurnPosition, upTo: number) => `${seq}.${upTo}.${turn}`;

/** @throws INVALID_TURN_ID */
export function readReplayId(text: string): Remaining {
  const parts = TURN_ID.exec(text.trim());
  if (!parts) throw replayErrors.INVALID_TURN_ID();
  const [seq, upTo, turn] = parts.slice(1).map(Number);
  return { position: { seq, turn }, upTo };
}
