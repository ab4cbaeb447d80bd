import type { MigrationInterface, QueryRunner } from 'typeorm';
import { policies } from './policies';

/** What people do with conversations: a trash, earlier versions of messages, what happened to messages, and shares. */
export class Conversations1764201600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TRASHED_THREADS);
    for (const [table, text] of Object.entries(TABLES)) {
      await runner.query(text);
      await runner.query(policies(table));
    }
    await runner.query(SYSTEM_GRANTS);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of Object.keys(TABLES).reverse()) await runner.query(`DROP TABLE ${table}`);
    await runner.query(`
      DROP POLICY trashed ON threads;
      DROP INDEX threads_forked_from_idx, threads_deleted_at_idx, threads_user_id_deleted_at_idx, ${LISTS.map(([name]) => name).join(', ')};
      ALTER TABLE threads DROP COLUMN deleted_at;
    `);
    for (const [name, columns] of LISTS) await runner.query(`CREATE INDEX ${name} ON threads (${columns})`);
  }
}

/* Lists never walk through the trash. */
const LISTS = [
  ['threads_user_id_status_updated_at_idx', 'org_id, user_id, status, updated_at, id'],
  ['threads_status_updated_at_idx', 'org_id, status, updated_at, id'],
  ['threads_user_id_id_idx', 'org_id, user_id, id'],
];

const TRASHED_THREADS = `
ALTER TABLE threads ADD COLUMN deleted_at timestamptz(3);
CREATE INDEX threads_deleted_at_idx ON threads (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX threads_user_id_deleted_at_idx ON threads (org_id, user_id, deleted_at, id) WHERE deleted_at IS NOT NULL;
${LISTS.map(
  ([name, columns]) => `
DROP INDEX ${name};
CREATE INDEX ${name} ON threads (${columns}) WHERE deleted_at IS NULL;`,
).join('')}
CREATE INDEX threads_forked_from_idx ON threads (org_id, forked_from_thread_id, id) WHERE forked_from_thread_id IS NOT NULL;
`;

const ofThread = (table: string) =>
  `CONSTRAINT ${table}_thread_id_fkey FOREIGN KEY (org_id, thread_id) REFERENCES threads (org_id, id) ON DELETE CASCADE`;

const TABLES = {
  /* With user_id: that user may see the thread. Without: a link; whoever accepts it gets a row of their own, which goes with it. */
  shares: `
CREATE TABLE shares (
  org_id text NOT NULL,
  id uuid NOT NULL,
  thread_id uuid NOT NULL,
  user_id text,
  link_id uuid,
  permission text NOT NULL,
  secret_hash bytea,
  created_by text NOT NULL,
  expires_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT shares_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT shares_permission_check CHECK (permission IN ('read', 'write')),
  CONSTRAINT shares_recipient_check CHECK ((user_id IS NULL) = (secret_hash IS NOT NULL)),
  ${ofThread('shares')},
  CONSTRAINT shares_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
  CONSTRAINT shares_link_id_fkey FOREIGN KEY (org_id, link_id) REFERENCES shares (org_id, id) ON DELETE CASCADE
);
CREATE INDEX shares_user_id_idx ON shares (org_id, user_id, thread_id) WHERE user_id IS NOT NULL;
CREATE INDEX shares_thread_id_idx ON shares (org_id, thread_id, id);
CREATE INDEX shares_link_id_idx ON shares (org_id, link_id) WHERE link_id IS NOT NULL;
CREATE UNIQUE INDEX shares_direct_key ON shares (org_id, thread_id, user_id) WHERE user_id IS NOT NULL AND link_id IS NULL;
CREATE UNIQUE INDEX shares_accepted_key ON shares (org_id, link_id, user_id) WHERE link_id IS NOT NULL;
`,
  /* A message as it was, and how it went. Its number stays its own: it can come back to its place. */
  deleted_messages: `
CREATE TABLE deleted_messages (
  org_id text NOT NULL,
  thread_id uuid NOT NULL,
  seq bigint NOT NULL,
  id uuid NOT NULL,
  role text NOT NULL,
  content jsonb,
  tool_calls jsonb,
  tool_call_id text,
  name text,
  sender_id text,
  metadata jsonb NOT NULL,
  token_count integer NOT NULL,
  cost numeric(38, 12) NOT NULL,
  client_timestamp timestamptz(3),
  request_hash bytea,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  removal_id uuid NOT NULL,
  summaries jsonb,
  reason text NOT NULL,
  thread_last_seq bigint NOT NULL,
  deleted_by text NOT NULL,
  deleted_at timestamptz(3) NOT NULL,
  CONSTRAINT deleted_messages_pkey PRIMARY KEY (org_id, thread_id, seq),
  CONSTRAINT deleted_messages_reason_check CHECK (reason IN ('deleted', 'cleared', 'undone')),
  ${ofThread('deleted_messages')}
);
CREATE INDEX deleted_messages_id_idx ON deleted_messages (org_id, id);
CREATE INDEX deleted_messages_sender_id_idx ON deleted_messages (org_id, sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX deleted_messages_removal_id_idx ON deleted_messages (org_id, thread_id, removal_id, seq);
CREATE INDEX deleted_messages_deleted_at_idx ON deleted_messages (org_id, deleted_at);
`,
  message_revisions: `
CREATE TABLE message_revisions (
  org_id text NOT NULL,
  thread_id uuid NOT NULL,
  message_id uuid NOT NULL,
  revision bigint NOT NULL,
  content jsonb,
  metadata jsonb NOT NULL,
  token_count integer NOT NULL,
  cost numeric(38, 12) NOT NULL,
  written_at timestamptz(3) NOT NULL,
  replaced_at timestamptz(3) NOT NULL,
  replaced_by text NOT NULL,
  CONSTRAINT message_revisions_pkey PRIMARY KEY (org_id, thread_id, message_id, revision),
  ${ofThread('message_revisions')}
);
`,
  /* What happened to stored messages. Appends are not in it: the messages are their own log. */
  message_changes: `
CREATE TABLE message_changes (
  org_id text NOT NULL,
  thread_id uuid NOT NULL,
  version bigint NOT NULL,
  kind text NOT NULL,
  seqs bigint[],
  created_at timestamptz(3) NOT NULL,
  CONSTRAINT message_changes_pkey PRIMARY KEY (org_id, thread_id, version),
  CONSTRAINT message_changes_kind_check CHECK (kind IN ('edited', 'deleted', 'restored', 'reset')),
  ${ofThread('message_changes')}
);
CREATE INDEX message_changes_created_at_idx ON message_changes (org_id, created_at);
`,
};

/* The cleanup learns which organizations have something in the trash, and nothing else of it. */
const SYSTEM_GRANTS = `
CREATE POLICY trashed ON threads FOR SELECT TO throughline_system USING (deleted_at IS NOT NULL);
GRANT SELECT (deleted_at) ON threads TO throughline_system;
CREATE POLICY removed ON deleted_messages FOR SELECT TO throughline_system USING (true);
GRANT SELECT (org_id, deleted_at) ON deleted_messages TO throughline_system;
CREATE POLICY old ON message_changes FOR SELECT TO throughline_system USING (true);
GRANT SELECT (org_id, created_at) ON message_changes TO throughline_system;
`;
