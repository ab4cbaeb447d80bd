/** One table of an erasure: which of its rows go, or what of them. `:orgId` is the organization, `:userId` the user or null. */
export interface ErasureStep {
  table: string;
  /** Of a user's erasure. */
  ofUser: string;
  /** A column that names the user in rows of others, with what stands there afterwards; and one that is emptied with it. */
  instead?: { column: string; text: string | null; with?: string };
}

const OWN = 'user_id = :userId';
const OWN_THREADS = 'SELECT id FROM threads WHERE org_id = :orgId AND user_id = :userId';

/* Answers are kept as the text that was sent. */
const named = (member: string) => `strpos(response::text, '"${member}":' || to_json(:userId::text)::text) > 0`;

/* An answer that is kept for a retry may be about the user, whoever asked. */
const KEPT_ANSWERS = `${OWN} OR :userId IN (response->>'user_id', response->'data'->0->>'user_id')
  OR response->>'thread_id' IN (SELECT id::text FROM (${OWN_THREADS}) own)
  OR response->'data'->0->>'thread_id' IN (SELECT id::text FROM (${OWN_THREADS}) own)
  OR ${named('created_by')} OR ${named('sender_id')}`;

/* A message keeps its author also in the trash. */
const WRITTEN = `created_by = :userId
  AND thread_id IN (SELECT thread_id FROM message_authors WHERE org_id = :orgId AND user_id = :userId)`;
const UNNAMED = { column: 'created_by', text: null, with: 'created_via' };

/** Every table that holds anything of a tenant, what refers to others first. A test compares the list with the schema. */
export const ERASURE_STEPS: readonly ErasureStep[] = [
  { table: 'idempotency_keys', ofUser: KEPT_ANSWERS },
  { table: 'memory_versions', ofUser: OWN },
  { table: 'memories', ofUser: OWN },
  { table: 'shares', ofUser: `${OWN} OR thread_id IN (${OWN_THREADS})` },
  { table: 'message_changes', ofUser: `thread_id IN (${OWN_THREADS})` },
  { table: 'message_revisions', ofUser: `thread_id IN (${OWN_THREADS})` },
  { table: 'deleted_messages', ofUser: `thread_id IN (${OWN_THREADS})` },
  { table: 'messages', ofUser: `thread_id IN (${OWN_THREADS})` },
  { table: 'summaries', ofUser: `thread_id IN (${OWN_THREADS})` },
  { table: 'current_threads', ofUser: `${OWN} OR thread_id IN (${OWN_THREADS})` },
  { table: 'sessions', ofUser: OWN },
  { table: 'threads', ofUser: OWN },
  { table: 'messages', ofUser: 'sender_id = :userId', instead: { column: 'sender_id', text: null } },
  { table: 'deleted_messages', ofUser: 'sender_id = :userId', instead: { column: 'sender_id', text: null } },
  { table: 'messages', ofUser: WRITTEN, instead: UNNAMED },
  { table: 'deleted_messages', ofUser: WRITTEN, instead: UNNAMED },
  { table: 'message_authors', ofUser: OWN },
  { table: 'deleted_messages', ofUser: 'deleted_by = :userId', instead: { column: 'deleted_by', text: '[erased]' } },
  { table: 'message_revisions', ofUser: 'replaced_by = :userId', instead: { column: 'replaced_by', text: '[erased]' } },
  { table: 'shares', ofUser: 'created_by = :userId', instead: { column: 'created_by', text: '[erased]' } },
  {
    table: 'memory_versions',
    ofUser: 'saved_by = :userId AND saved_by <> user_id',
    instead: { column: 'saved_by', text: '[erased]' },
  },
  { table: 'erasures', ofUser: 'requested_by = :userId', instead: { column: 'requested_by', text: null } },
  { table: 'api_keys', ofUser: OWN },
  { table: 'users', ofUser: 'id = :userId' },
];
