import { IntersectionType, PickType } from '@nestjs/swagger';
import type { Target } from '../../threads';
import type { MessageRow } from '../message.entity';
import { toChatMessage, toMessageView } from '../message-views';
import { ChatMessage, MessageView } from '../messages.dto';

// prettier-ignore
const OF_STORED = [
  'id', 'thread_id', 'seq', 'sender_id', 'created_by', 'created_via', 'token_count', 'cost', 'timestamp', 'created_at',
  'updated_at',
] as const;

/** A stored message in the form that a model takes; members that it does not have are absent. */
export class SessionMessage extends IntersectionType(ChatMessage, PickType(MessageView, OF_STORED)) {}

/** A message as the routes of sessions show it. */
export function toSessionMessage(row: MessageRow): SessionMessage {
  const { id, thread_id, seq, token_count, cost, timestamp, created_at, updated_at } = toMessageView(row);
  const { sender_id, created_by, created_via } = row;
  const times = { timestamp, created_at, updated_at };
  const speaker = { sender_id, created_by, created_via };
  return { id, thread_id, seq, ...toChatMessage(row), ...speaker, token_count, cost, ...times };
}

/** How a conversation's routes show messages: a thread's as they are stored, a session's as a model takes them. */
export const messageViewOf = ({ by }: Pick<Target, 'by'>): ((row: MessageRow) => MessageView | SessionMessage) =>
  by === 'session' ? toSessionMessage : toMessageView;
