import type { MessageRow } from '../../messages/message.entity';

/** How fast a replay goes: `speed` times as fast as it was, no gap longer than `maxGapMs`. */
export interface Pace {
  speed: number;
  maxGapMs: number;
}

/** When a message was said: by the caller's clock if it has told, else when it was stored. In milliseconds. */
export const saidAt = ({ client_timestamp, created_at }: Pick<MessageRow, 'client_timestamp' | 'created_at'>) =>
  Date.parse(client_timestamp ?? created_at);

/** Milliseconds from one turn to the next. What was said before its predecessor, by another clock, follows at once. */
export function waitBetween(previous: number | undefined, next: number, { speed, maxGapMs }: Pace): number {
  if (previous === undefined || speed === Infinity) return 0;
  return Math.min(Math.max(0, next - previous) / speed, maxGapMs);
}
