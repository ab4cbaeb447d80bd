import { textOf, toChatContent, toShown } from '../message-content';
import type { MessageRow } from '../message.entity';
import type { ChatMessage, MessageView } from '../messages.dto';

export const toMessageView = (row: MessageRow): MessageView => ({
  id: row.id,
  thread_id: row.thread_id,
  chat_thread_id: row.thread_id,
  seq: row.seq,
  role: row.role,
  sender_role: row.role,
  sender_id: row.sender_id,
  // JSON leaves out what is undefined: a message without content shows none.
  content: row.has_content ? toShown(row.content, row.metadata) : undefined,
  tool_calls: row.tool_calls,
  tool_call_id: row.tool_call_id,
  name: row.name,
  metadata: row.metadata,
  token_count: row.token_count,
  cost: Number(row.cost),
  timestamp: row.client_timestamp,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

/** A message for a model call; members that the message does not have are absent. */
export const toChatMessage = (row: MessageRow): ChatMessage => ({
  role: row.role,
  ...(row.has_content ? { content: toChatContent(row.content) } : {}),
  ...(row.tool_calls ? { tool_calls: row.tool_calls } : {}),
  ...(row.tool_call_id !== null ? { tool_call_id: row.tool_call_id } : {}),
  ...(row.name !== null ? { name: row.name } : {}),
  metadata: row.metadata,
});

const LABELS: Record<string, string> = { user: 'User', assistant: 'Assistant', system: 'System', developer: 'System' };

/** `User: …`, `Assistant: …`, `Tool (name): …`, one line a message (F38). */
export function toPrompt(rows: MessageRow[], includeSystem: boolean): string {
  const shown = rows.filter((row) => includeSystem || LABELS[row.role] !== 'System');
  return shown.map((row) => `${labelOf(row)}: ${textOf(row.content)}`).join('\n');
}

function labelOf(row: MessageRow): string {
  if (row.role !== 'tool') return LABELS[row.role];
  const named = row.metadata.tool_name;
  return `Tool (${typeof named === 'string' ? named : (row.name ?? row.tool_call_id)})`;
}
