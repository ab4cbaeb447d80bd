import type { MigrationInterface, QueryRunner } from 'typeorm';
import { policies } from './policies';

/** Memory: keyed facts of users and of their sessions, with the earlier values of each key. */
export class Memory1763856000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    for (const table of ['memories', 'memory_versions']) await runner.query(policies(table));
    await runner.query(SYSTEM_GRANTS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE memory_versions, memories');
  }
}

/*
 * Keys sort by code point (COLLATE "C"), so that a prefix is a range of the primary key. The scope stands in the key,
 * where NULL cannot; `session_id` says the same for the foreign key, which takes a session's entries away with it (C12).
 */
const TABLES = `
CREATE TABLE memories (
  org_id text NOT NULL,
  user_id text NOT NULL,
  session_scope text COLLATE "C" NOT NULL DEFAULT '',
  key text COLLATE "C" NOT NULL,
  session_id text COLLATE "C",
  value jsonb NOT NULL,
  version bigint NOT NULL DEFAULT 1,
  expires_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT memories_pkey PRIMARY KEY (org_id, user_id, session_scope, key),
  CONSTRAINT memories_session_scope_check CHECK (session_scope = COALESCE(session_id, '')),
  CONSTRAINT memories_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
  CONSTRAINT memories_session_id_fkey FOREIGN KEY (org_id, user_id, session_id)
    REFERENCES sessions (org_id, user_id, id) ON DELETE CASCADE
);
CREATE INDEX memories_session_id_idx ON memories (org_id, user_id, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX memories_expires_at_idx ON memories (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE memory_versions (
  org_id text NOT NULL,
  user_id text NOT NULL,
  session_scope text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  value jsonb NOT NULL,
  saved_by text NOT NULL,
  saved_at timestamptz(3) NOT NULL,
  CONSTRAINT memory_versions_pkey PRIMARY KEY (org_id, user_id, session_scope, key, version),
  CONSTRAINT memory_versions_key_fkey FOREIGN KEY (org_id, user_id, session_scope, key)
    REFERENCES memories (org_id, user_id, session_scope, key) ON DELETE CASCADE
);
`;

/* The cleanup learns which organizations have something to remove, and nothing else of a memory. */
const SYSTEM_GRANTS = `
CREATE POLICY expired ON memories FOR SELECT TO throughline_system USING (expires_at < now());
GRANT SELECT (org_id, expires_at) ON memories TO throughline_system;
`;
