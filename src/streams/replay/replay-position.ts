import { threadMark } from '../streams.service';
import { replayErrors } from './replay.errors';
import type { TurnPosition } from './replay-turns';

const TURN_ID = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([0-9a-f]{12})$/;

/** Where a replay goes on, and the last message that it gives: the end does not move while it goes on. */
export interface Remaining {
  position: TurnPosition;
  upTo: number;
}

/** What the id of a turn says. */
export interface ReplayId extends Remaining {
  /** Of the thread that was replayed. */
  mark: string;
}

/** The id of a turn's event. */
export const toReplayId = ({ seq, turn }: TurnPosition, upTo: number, threadId: string) =>
  `${seq}.${upTo}.${turn}.${threadMark(threadId)}`;

/** @throws INVALID_TURN_ID */
export function readReplayId(text: string): ReplayId {
  const parts = TURN_ID.exec(text.trim());
  if (!parts) throw replayErrors.INVALID_TURN_ID();
  const [seq, upTo, turn] = parts.slice(1, 4).map(Number);
  return { position: { seq, turn }, upTo, mark: parts[4] };
}
