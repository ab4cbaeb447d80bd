import type { FeedPosition, FollowedThread } from '../../messages';
import { streamErrors } from '../streams.errors';

/** Where a client wants a stream to begin. */
export interface LiveStart {
  /** The last event that it has seen. */
  lastEventId?: string;
  /** Otherwise, the first message that it wants. */
  fromSeq?: number;
}

/**
 * What the ids of a stream's events say of their thread: a session's id may belong to another one by the time a client
 * comes back, and numbers of the old one mean nothing there. These digits are random in every id of ours.
 */
export const threadMark = (threadId: string) => threadId.slice(-12);

const EVENT_ID = /^(\d{1,15})\.(\d{1,15})\.(\d{1,12})\.([0-9a-f]{12})(?:\.(\d{1,15}))?$/;

/** Where somebody stands who knows nothing of the thread: behind no version there is, so that `reset` comes first. */
const LOST: FeedPosition = { seq: 0, version: 0, at: 0 };

/** A position in a thread as the id of an event; it is longer behind a part of a large change. */
export const toEventId = ({ seq, version, at, told }: FeedPosition, threadId: string) =>
  `${seq}.${version}.${at}.${threadMark(threadId)}${told === undefined ? '' : `.${told}`}`;

/** @returns the position, and the mark of its thread @throws INVALID_EVENT_ID */
export function readEventId(text: string): { position: FeedPosition; mark: string } {
  const parts = EVENT_ID.exec(text.trim());
  if (!parts) throw streamErrors.INVALID_EVENT_ID();
  const [seq, version, at] = parts.slice(1, 4).map(Number);
  const told = parts[5] === undefined ? {} : { told: Number(parts[5]) };
  return { position: { seq, version, at, ...told }, mark: parts[4] };
}

/**
 * Where a stream begins: behind the event, at the message, or with what happens from now on. After an event of another
 * thread, which the session had before, the client is told to read this one anew.
 * @throws INVALID_EVENT_ID
 */
export function startOf({ id, last_seq, version, now: at }: FollowedThread, start: LiveStart): FeedPosition {
  if (start.lastEventId) {
    const { position, mark } = readEventId(start.lastEventId);
    return mark === threadMark(id) ? position : LOST;
  }
  const seq = start.fromSeq === undefined ? last_seq : Math.min(start.fromSeq - 1, last_seq);
  return { seq, version, at };
}
