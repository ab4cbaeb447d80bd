import { type Newest, textOf } from '../messages';
import type { SessionHistory, SessionView } from './sessions.dto';
import type { SessionRow } from './session.entity';

/** Entries of a history, where the caller does not say. */
export const DEFAULT_TURNS = 20;

export const isLarge = (row: SessionRow, limit: number) => limit > 0 && row.token_count > limit;

/** @param largeFrom tokens from which the session is marked as large (P43); 0: never */
export function toSessionView(row: SessionRow, largeFrom: number): SessionView {
  const updated_at = row.updated_at.toISOString();
  const large = isLarge(row, largeFrom);
  return {
    session_id: row.id,
    conversation_id: row.id,
    thread_id: row.thread_id,
    parent_session_id: row.parent_session_id,
    org_id: row.org_id,
    user_id: row.user_id,
    title: row.name,
    state: row.status === 'archived' ? 'archived' : row.is_awake ? 'active' : 'sleeping',
    notebook_id: row.notebook_id,
    prompt_name: row.prompt_name,
    system_prompt: row.system_prompt,
    max_tokens: row.max_tokens,
    auto_summarize: row.auto_summarize,
    turn_count: row.message_count,
    message_count: row.message_count,
    token_count: row.token_count,
    total_cost: Number(row.total_cost),
    variables: Object.keys(row.variables),
    metadata: row.metadata,
    size_warning: large,
    warnings: large ? ['large_conversation'] : [],
    version: row.version,
    created_at: row.created_at.toISOString(),
    updated_at,
    last_activity: updated_at,
    last_accessed_at: row.last_accessed_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
  };
}

/**
 * What others see of a session that is shared with them: what it says and how it is to go on. Variables, where it comes
 * from, and when it was read are the owner's.
 */
export const toReaderView = (view: SessionView): SessionView => ({
  ...view,
  variables: [],
  parent_session_id: null,
  last_accessed_at: view.updated_at,
});

/** The notebook's form: exactly role and content (N11 to N14). */
export function toHistory(session_id: string, { rows, total }: Newest): SessionHistory {
  const history = rows.map(({ role, content }) => ({ role, content: textOf(content) }));
  return { session_id, turn_count: history.length, total_turns: total, history };
}
