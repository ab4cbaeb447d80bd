/** What a message says, as its columns: the same in `messages`, in the trash, and in the JSON of an append. */
const SAID = {
  id: 'uuid',
  role: 'text',
  content: 'jsonb',
  tool_calls: 'jsonb',
  tool_call_id: 'text',
  name: 'text',
  sender_id: 'text',
  metadata: 'jsonb',
  token_count: 'int',
  cost: 'numeric',
  client_timestamp: 'timestamptz',
} as const;

type Said = keyof typeof SAID;

const said = Object.keys(SAID) as Said[];

/** Where it is. */
const PLACE = ['org_id', 'thread_id', 'seq'] as const;

/** Who wrote it: what the server says, and no caller (A01). */
const AUTHOR = ['created_by', 'created_via'] as const;

/** All of a message that a statement writes; what is not among them, a trigger fills in. */
export const STORED = [...PLACE, ...said, ...AUTHOR, 'request_hash', 'created_at', 'updated_at'];

/** The columns that an append writes; `saidIn` has the values of those in the middle, the last two are the author's. */
export const APPENDED_COLUMNS = [...PLACE, ...said, ...AUTHOR].join(', ');

/**
 * What a message says, of its JSON. `->` keeps JSON null and absence apart.
 * @param known expressions of columns that the statement has already
 */
export const saidIn = (json: string, known: Partial<Record<Said, string>> = {}) =>
  said.map((column) => known[column] ?? inJson(json, column)).join(', ');

function inJson(json: string, column: Said): string {
  const type = SAID[column];
  if (type === 'jsonb') return `${json}->'${column}'`;
  return type === 'text' ? `${json}->>'${column}'` : `(${json}->>'${column}')::${type}`;
}

/** Of `messages m`, for `toMessageJson`: as text, JSON null and absence differ by themselves. */
export const UNPARSED_COLUMNS = ['seq', ...said, ...AUTHOR, 'created_at', 'updated_at']
  .map((column) => `m.${column}`)
  .join(', ');

/** Of `messages m`, as a `MessageRow` of a thread that is known. */
export const OWN_COLUMNS = `${UNPARSED_COLUMNS}, m.content IS NOT NULL AS has_content`;

/** Of `messages m`, as a `MessageRow`. */
export const MESSAGE_COLUMNS = `m.thread_id, ${OWN_COLUMNS}`;
