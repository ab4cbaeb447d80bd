import type { FeedPosition, FollowedThread } from '../messages/message-feed.service';
import { liveErrors } from './live.errors';

/** Where a client wants a stream to begin. */
export interface LiveStart {
  /** The last event that it has seen. */
  lastEventId?: string;
  /** Otherwise, the first message that it wants. */
  fromSeq?: number;
}

const EVENT_ID = /^(\d{1,15})\.(\d{1,15})\.(\d{1,12})$/;

/** A position as the id of an event. */
export const toEventId = ({ seq, version, at }: FeedPosition) => `${seq}.${version}.${at}`;

/** @throws INVALID_EVENT_ID */
export function readEventId(text: string): FeedPosition {
  const parts = EVENT_ID.exec(text.trim());
  if (!parts) throw liveErrors.INVALID_EVENT_ID();
  const [seq, version, at] = parts.slice(1).map(Number);
  return { seq, version, at };
}

/** Where a stream begins: behind the event, at the message, or with what happens from now on. @throws INVALID_EVENT_ID */
export function startOf({ last_seq, version, now: at }: FollowedThread, start: LiveStart): FeedPosition {
  if (start.lastEventId) return readEventId(start.lastEventId);
  const seq = start.fromSeq === undefined ? last_seq : Math.min(start.fromSeq - 1, last_seq);
  return { seq, version, at };
}
