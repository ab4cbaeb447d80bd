import type { ExportedMessage, ExportedSummary, ExportedThread } from './export.repository';
import { SCHEMA_VERSION } from '../import/formats/formats';

/*
 * What an export holds, in an order of keys that never changes: the same conversation is the same bytes, also after it was
 * imported. Hence no ids of ours, which an import makes anew, and no counters, which it counts.
 */

export const toHead = (thread: ExportedThread) => ({
  schema_version: SCHEMA_VERSION,
  user_id: thread.user_id,
  name: thread.name,
  status: thread.status,
  metadata: thread.metadata,
  auto_summarize: thread.auto_summarize,
  last_seq: thread.last_seq,
  created_at: thread.created_at,
  updated_at: thread.updated_at,
  session: thread.session_id === null ? null : toSession(thread),
});

const toSession = (thread: ExportedThread) => ({
  id: thread.session_id,
  notebook_id: thread.notebook_id,
  prompt_name: thread.prompt_name,
  system_prompt: thread.system_prompt,
  max_tokens: thread.max_tokens,
  variables: thread.variables,
  created_at: thread.session_created_at,
});

export const toSummary = ({
  from_seq,
  to_seq,
  content,
  token_count,
  created_by,
  automatic,
  created_at,
}: ExportedSummary) => ({
  from_seq,
  to_seq,
  content,
  token_count,
  created_by,
  automatic,
  created_at,
});

/** Members that a message does not have are absent; a content of null is one. */
export const toMessage = (row: ExportedMessage) => ({
  seq: row.seq,
  role: row.role,
  content: row.has_content ? row.content : undefined,
  tool_calls: row.tool_calls ?? undefined,
  tool_call_id: row.tool_call_id ?? undefined,
  name: row.name ?? undefined,
  sender_id: row.sender_id ?? undefined,
  metadata: row.metadata,
  token_count: row.token_count,
  cost: plain(row.cost),
  timestamp: row.client_timestamp ?? undefined,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

/** An exact amount without the zeros behind it. */
const plain = (amount: string) => (amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount);
