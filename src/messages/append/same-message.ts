import { isDeepStrictEqual } from 'node:util';
import type { MessageRow } from '../message.entity';
import type { MessageInput } from '../messages.dto';
import type { NewMessage } from './new-message';

/** Whether a message says what is stored already: role, content and tool calls. */
export function isSameMessage(message: NewMessage, row: MessageRow): boolean {
  const sent = [message.role, message.content ?? null, message.tool_calls ?? null, message.tool_call_id ?? null];
  return isDeepStrictEqual(sent, [row.role, row.content, row.tool_calls, row.tool_call_id]);
}

/** Whether a row may stand for a message of a saved state as it is: all that the caller can say is equal (C19). */
export function isUnchanged(input: MessageInput, message: NewMessage, row: MessageRow): boolean {
  const sent = [
    message.content !== undefined,
    message.name ?? null,
    message.sender_id ?? row.sender_id,
    message.metadata,
    message.client_timestamp ?? null,
    input.id === undefined ? row.id : message.id,
    input.token_count ?? row.token_count,
    input.cost === undefined ? Number(row.cost) : Number(message.cost),
  ];
  const { has_content, name, sender_id, metadata, client_timestamp, id, token_count, cost } = row;
  const stored = [has_content, name, sender_id, metadata, client_timestamp, id, token_count, Number(cost)];
  return isSameMessage(message, row) && isDeepStrictEqual(sent, stored);
}
