import type { Json } from '../../common/json';
import { toShown } from '../message-content';
import type { MessageRow } from '../message.entity';

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
  const role = text(row.role);
  // A message without content shows none; where it is JSON null, the text says so.
  const content = row.content === null ? '' : `"content":${shownContent(row.content, row.metadata)},`;
  return `{"id":"${row.id}","thread_id":"${threadId}","chat_thread_id":"${threadId}","seq":${row.seq},"role":${role},"sender_role":${role},"sender_id":${text(row.sender_id)},${content}"tool_calls":${row.tool_calls},"tool_call_id":${text(row.tool_call_id)},"name":${text(row.name)},"metadata":${row.metadata},"token_count":${row.token_count},"cost":${Number(row.cost)},"timestamp":${text(row.client_timestamp)},"created_at":"${row.created_at}","updated_at":"${row.updated_at}"}`;
}

const text = (value: string | null) => (value === null ? 'null' : JSON.stringify(value));

function shownContent(content: string, metadata: string): string {
  if (metadata === '{}' || !content.startsWith('{')) return content;
  const parsed = JSON.parse(metadata) as MessageRow['metadata'];
  return JSON.stringify(toShown(JSON.parse(content) as Json, parsed));
}
