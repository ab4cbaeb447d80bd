import {
  choice,
  decimal,
  flag,
  identifier,
  integer,
  postgresUrl,
  price,
  processes,
  secret,
  text,
  webUrl,
  type Variable,
} from './kinds';
import { databaseAliases } from './database-aliases';

export type { Variable } from './kinds';

/** Every variable that the server reads. `npm run docs` makes docs/configuration.md and .env.example of this list. */
export const variables = {
  PORT: integer(8000, 'HTTP port; 0 takes a free one.', { min: 0, max: 65535 }),
  HOST: text('127.0.0.1', 'Address to listen on. `0.0.0.0` in a container.'),
  NODE_ENV: text(
    'development',
    '`production` turns the no-credentials identity off, and refuses a PostgreSQL that is not durable.',
  ),
  API_REFERENCE: choice(
    'on',
    ['on', 'off'],
    'Whether `/api/docs` and `/api/docs-json` show the API to anybody who can reach the server.',
  ),
  LOG_LEVEL: choice(
    'info',
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    'Least severe level that is logged.',
  ),
  WORKERS: processes(
    1,
    64,
    'Processes that serve requests, all on one port; `auto` or `0`: one for each core. They share what an instance may have.',
  ),
  SHUTDOWN_DELAY_MS: integer(
    undefined,
    'How long the server serves on after SIGTERM with readiness at 503, so that load balancers notice. Unset: 5000 with NODE_ENV=production, else 0.',
    { min: 0, max: 600_000 },
  ),
  SHUTDOWN_GRACE_MS: integer(10_000, 'How long requests under way may then take to finish.', {
    min: 0,
    max: 600_000,
  }),
  METRICS_PORT: integer(
    undefined,
    'Serves Prometheus metrics on a port of their own, without a key. Unset: `/metrics` on the main port, for admins of OPERATOR_ORG_ID.',
    { min: 0, max: 65535 },
  ),

  DATABASE_URL: postgresUrl('PostgreSQL 15 or later. Unset: the embedded PostgreSQL.'),
  DATABASE_OWNER_URL: postgresUrl(
    'Owner of the schema, for migrations, when the application connects as another user.',
  ),
  DB_POOL_SIZE: integer(
    5,
    'Connections to PostgreSQL; the most is DB_POOL_SIZE + DB_MAX_OVERFLOW, shared out among all WORKERS, at least 2 each even if that is more.',
    { min: 1, max: 500 },
  ),
  DB_MAX_OVERFLOW: integer(10, 'Further connections under load.', { min: 0, max: 500 }),
  DB_POOL_TIMEOUT_MS: integer(10_000, 'How long a request waits for a connection before it is answered with 503.', {
    min: 1,
    max: 600_000,
  }),
  DB_STATEMENT_TIMEOUT_MS: integer(30_000, 'How long one statement may run; 0: no limit.', { min: 0, max: 3_600_000 }),
  DB_LOCK_TIMEOUT_MS: integer(
    5000,
    'How long a write may wait for a row that another transaction holds, before it is answered with 503 THREAD_BUSY; 0: no limit.',
    { min: 0, max: 600_000 },
  ),
  DB_PREPARED_STATEMENTS: flag(
    undefined,
    'Whether statements are prepared by name. Unset: unless there is a pooler in between. `true` behind PgBouncer 1.21 or later with `max_prepared_statements`.',
  ),
  DATA_DIR: text('.data', 'Folder of the embedded PostgreSQL.'),

  DEFAULT_ORG_ID: identifier(
    'default_org',
    64,
    'Organization of requests without credentials (embedded database, loopback, not production).',
  ),
  DEFAULT_USER_ID: identifier('default_user', 255, 'User of such requests.'),
  ALLOW_DEFAULT_IDENTITY: flag(
    undefined,
    '`false` refuses requests without credentials also there; `true` anywhere else stops the boot.',
  ),
  OPERATOR_ORG_ID: text(
    undefined,
    'The organization that runs the server: its admins alone may read `/metrics` and `/api/admin/config`. Unset: nobody may.',
  ),
  API_KEY_CACHE_SECONDS: integer(
    30,
    'How long a verified API key is remembered. A revoked key dies within a second all the same.',
    { min: 0, max: 3600 },
  ),
  JWT_JWKS_URL: webUrl('Key set of the identity provider, to verify JSON Web Tokens with.'),
  JWT_SECRET: secret('Shared secret (HS256, at least 32 characters) instead of a key set.'),
  JWT_ISSUER: text(undefined, 'Required `iss` of a token. Must be set to accept tokens.'),
  JWT_AUDIENCE: text(undefined, 'Required `aud` of a token. Must be set to accept tokens.'),
  JWT_ORG_CLAIM: text('org_id', 'Claim that holds the organization; a dotted path reaches into objects.'),
  JWT_USER_CLAIM: text('sub', 'Claim that holds the user.'),
  JWT_ROLE_CLAIM: text('role', 'Claim that holds the role: member, admin or service. Absent: member.'),

  BODY_LIMIT_BYTES: integer(
    10 * 1024 * 1024,
    'Largest body of an append, a saved state or an import (413). Other bodies: the largest of the limits below for a message, metadata or the value of a memory, and 16 KB.',
    { min: 1024, max: 1024 ** 3 },
  ),
  MESSAGE_LIMIT_BYTES: integer(1024 * 1024, 'Largest message, as JSON (413).', { min: 1024, max: 1024 ** 3 }),
  IMPORT_LIMIT_BYTES: integer(1024 ** 3, 'Largest import that is sent as a stream of lines (413).', { min: 1024 }),
  IMPORT_CONVERSATION_LIMIT_BYTES: integer(
    32 * 1024 * 1024,
    'Largest conversation of such an import: its line is held in memory.',
    { min: 1024, max: 512 * 1024 * 1024 },
  ),
  MAX_NESTING: integer(64, 'Deepest nesting of a JSON body.', { min: 4, max: 1000 }),
  MAX_VALUES: integer(
    200_000,
    'Most values in a JSON body: texts, numbers, objects, lists and keys, each counted once (400). A twentieth may be different keys.',
    {
      min: 1000,
      max: 100_000_000,
    },
  ),
  MESSAGE_BATCH_LIMIT: integer(1000, 'Most items in one request.', { min: 1, max: 10_000 }),
  METADATA_LIMIT_BYTES: integer(64 * 1024, 'Largest metadata object, as JSON.', { min: 256, max: 10 * 1024 * 1024 }),
  MEMORY_VALUE_LIMIT_BYTES: integer(64 * 1024, 'Largest value of a memory, as JSON.', {
    min: 256,
    max: 10 * 1024 * 1024,
  }),
  MEMORY_MAX_ENTRIES: integer(10_000, 'Most memories of one user, with those of all sessions.', {
    min: 1,
    max: 1_000_000,
  }),
  MEMORY_HISTORY_LIMIT: integer(20, 'Earlier values that are kept of each memory; 0: none.', { min: 0, max: 1000 }),
  MESSAGE_REVISION_LIMIT: integer(20, 'Earlier versions that are kept of each message; 0: none.', {
    min: 0,
    max: 1000,
  }),
  TRASH_RETENTION_DAYS: decimal(
    30,
    'How long deleted threads and messages can be restored; 0: they are gone at once, an undo too.',
    { min: 0, max: 36_500 },
  ),
  TOKEN_ESTIMATOR: choice(
    'o200k_base',
    ['o200k_base', 'chars_4', 'words_1.35'],
    'How message tokens are counted where a request does not say. An estimate: a text over 64 KB is counted in samples, and in proportion.',
  ),
  TOOL_CALL_LINKAGE: choice(
    'off',
    ['off', 'strict'],
    '`strict` refuses a tool result whose call is not in the thread.',
  ),
  IDEMPOTENCY_TTL_HOURS: decimal(24, 'How long an Idempotency-Key is remembered.', { min: 0.0001, max: 8760 }),
  MODEL_BASE_URL: webUrl(
    'OpenAI-compatible API that answers the questions, such as `https://api.openai.com/v1`. Unset: a responder without a model, from what is stored.',
  ),
  MODEL_API_KEY: secret('Key of that API. Unset: none is sent, unless the caller brings one.'),
  MODEL_NAME: text(undefined, 'The model. Required with MODEL_BASE_URL.'),
  MODEL_TIMEOUT_MS: integer(120_000, 'How long an answer may take, retries included.', { min: 1, max: 300_000 }),
  MODEL_INPUT_PRICE: price('US dollars for a million tokens that the model reads, to count the cost.'),
  MODEL_OUTPUT_PRICE: price('The same for tokens that it writes.'),
  SESSION_TTL_SECONDS: decimal(0, 'How long a session lives after its last read or write; 0: for ever.', {
    min: 0,
    max: 10 ** 9,
  }),
  SESSION_MAX_AGE_HOURS: decimal(
    24,
    'How long the session of a notebook lives after its last write, reads or not; 0: for ever. Then it is in the trash, with its messages.',
    { min: 0, max: 10 ** 6 },
  ),
  SESSION_MAX_CONCURRENT: integer(1000, 'Active sessions of notebooks in an organization; 0: any number.', {
    min: 0,
    max: 1_000_000,
  }),
  SESSION_EVICTION_POLICY: choice(
    'lru',
    ['lru', 'reject'],
    'At that number: `lru` puts the least recently written one to sleep until it is read or written; `reject` answers 429.',
  ),
  SESSION_HISTORY_LIMIT: integer(100, 'Messages that the session of a notebook keeps, the newest; 0: all.', {
    min: 0,
    max: 1_000_000,
  }),
  SESSION_SIZE_WARNING_TOKENS: integer(100_000, 'Tokens from which a session is marked as large; 0: never.', {
    min: 0,
  }),
  LIVE_POLL_MS: integer(250, 'How often live streams hear of what other instances wrote, and of shares that ended.', {
    min: 10,
    max: 60_000,
  }),
  LIVE_MAX_STREAMS: integer(
    1000,
    'Live and replay streams of an instance (503), shared out among its WORKERS; an organization has a third (429).',
    {
      min: 0,
      max: 100_000,
    },
  ),
  LIVE_MAX_STREAMS_PER_USER: integer(20, 'The same of one user, in one process (429).', { min: 1, max: 100_000 }),
  CONTEXT_MAX_MESSAGES: integer(200, 'Messages of a context for which neither window nor budget is named.', {
    min: 1,
    max: 1000,
  }),
  CONTEXT_WARNING_MESSAGES: integer(100, 'Messages of a conversation from which such a context comes with a warning.', {
    min: 0,
  }),
  SUMMARIZE_KEEP_LAST: integer(10, 'Newest messages that a summary leaves out, where a request does not say.', {
    min: 0,
    max: 1_000_000,
  }),
  SUMMARIZE_TOKEN_THRESHOLD: integer(
    8000,
    'Tokens without a summary from which a conversation with `auto_summarize: true` gets one; 0: never.',
    { min: 0 },
  ),
  CLEANUP_ENABLED: flag(true, 'Scheduled removal of what has expired.'),
  CLEANUP_CRON: text('0 * * * *', 'When it runs.'),

  ...databaseAliases,
} satisfies Record<string, Variable<unknown>>;

export type VariableName = keyof typeof variables;

/** The titles of the list's sections, each at the variable that it begins with. */
export const sections: Partial<Record<VariableName, string>> = {
  PORT: 'Server',
  DATABASE_URL: 'Database',
  DEFAULT_ORG_ID: 'Identity',
  BODY_LIMIT_BYTES: 'Limits',
  TOKEN_ESTIMATOR: 'Messages',
  MODEL_BASE_URL: 'Model',
  SESSION_TTL_SECONDS: 'Sessions',
  LIVE_POLL_MS: 'Live streams',
  CONTEXT_MAX_MESSAGES: 'Contexts',
  SUMMARIZE_KEEP_LAST: 'Summaries',
  CLEANUP_ENABLED: 'Cleanup',
  DB_CONNECTION_STRING: 'The database by other names',
};

type Parsed<V> = V extends { parse: (text: string) => infer T }
  ? V extends { fallback: string }
    ? T
    : T | undefined
  : never;

/** The environment as values: `undefined` where a variable without a default is not set. */
export type Environment = { [K in VariableName]: Parsed<(typeof variables)[K]> };
