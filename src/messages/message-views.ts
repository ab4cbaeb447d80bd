import type { Json } from '../common/json';
import { isObject } from '../http/request/fields';
import type { MessageRow } from './message.entity';
import type { ChatMessage, MessageView } from './messages.dto';

type Metadata = Record<string, unknown>;

/** A caller's content as it is stored: text becomes a part (F17), `content.metadata` moves to the metadata (F19). */
export function toStored(content: unknown, metadata: Metadata = {}): { content?: Json; metadata: Metadata } {
  if (content === undefined) return { metadata };
  if (typeof content === 'string') return { content: { type: 'text', text: content }, metadata };
  if (!isObject(content) || !isObject(content.metadata)) return { content: content as Json, metadata };
  const { metadata: inner, ...rest } = content;
  if (Object.keys(inner).length === 0 && Object.keys(metadata).length === 0)
    return { content: content as Json, metadata };
  return { content: rest as Json, metadata: Object.keys(metadata).length > 0 ? metadata : inner };
}

/** The stored content as thread routes show it: with the metadata in it, where it is an object (F19). */
export function toShown(content: Json, metadata: Metadata): unknown {
  const hasPlace = isObject(content) && Object.keys(metadata).length > 0;
  return hasPlace ? { ...content, metadata } : content;
}

/**
 * The stored content as a model takes it: plain text where it is only text, else an array of parts.
 * An object that is no part of any type and holds no text is nothing to a model: `""` (F31).
 */
export function toChatContent(content: Json): unknown {
  if (!isObject(content)) return content;
  if (typeof content.text === 'string' && Object.keys(content).every((key) => key === 'type' || key === 'text'))
    return content.text;
  return typeof content.type === 'string' ? [content] : (content.text ?? '');
}

/** All text of a content, for counting tokens and for the prompt format. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join('\n');
  return isObject(content) && typeof content.text === 'string' ? content.text : '';
}

/** A message as the routes of threads show it. */
export const toMessageView = (row: MessageRow): MessageView => ({
  id: row.id,
  thread_id: row.thread_id,
  chat_thread_id: row.thread_id,
  seq: row.seq,
  role: row.role,
  sender_role: row.role,
  sender_id: row.sender_id,
  created_by: row.created_by,
  created_via: row.created_via,
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

/** A row of a statement with `rawJson`: what is JSON in it is PostgreSQL's text. */
export type UnparsedRow = Omit<MessageRow, 'thread_id' | 'has_content' | 'content' | 'tool_calls' | 'metadata'> & {
  content: string | null;
  tool_calls: string | null;
  metadata: string;
};

/**
 * The JSON of `toMessageView`. What is JSON goes from the row into the answer as it is: parsing it and writing it again would
 * take as long as all the rest of a read.
 */
export function toMessageJson(row: UnparsedRow, threadId: string): string {
  const role = jsonText(row.role);
  // A message without content shows none; where it is JSON null, the text says so.
  const content = row.content === null ? '' : `"content":${shownContent(row.content, row.metadata)},`;
  return `{"id":"${row.id}","thread_id":"${threadId}","chat_thread_id":"${threadId}","seq":${row.seq},"role":${role},"sender_role":${role},"sender_id":${jsonText(row.sender_id)},"created_by":${jsonText(row.created_by)},"created_via":${jsonText(row.created_via)},${content}"tool_calls":${row.tool_calls},"tool_call_id":${jsonText(row.tool_call_id)},"name":${jsonText(row.name)},"metadata":${row.metadata},"token_count":${row.token_count},"cost":${Number(row.cost)},"timestamp":${jsonText(row.client_timestamp)},"created_at":"${row.created_at}","updated_at":"${row.updated_at}"}`;
}

const jsonText = (value: string | null) => (value === null ? 'null' : JSON.stringify(value));

function shownContent(content: string, metadata: string): string {
  if (metadata === '{}' || !content.startsWith('{')) return content;
  const parsed = JSON.parse(metadata) as MessageRow['metadata'];
  return JSON.stringify(toShown(JSON.parse(content) as Json, parsed));
}

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
