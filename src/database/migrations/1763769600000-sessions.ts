import type { MigrationInterface, QueryRunner } from 'typeorm';
import { policies } from './policies';

/** Sessions: named, expiring handles on threads. */
export class Sessions1763769600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(THREADS);
    await runner.query(SESSIONS);
    await runner.query(policies('sessions'));
    await runner.query(MERGE_PATCH_IN_ORDER);
    await runner.query(SYSTEM_GRANTS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT SELECT, DELETE ON idempotency_keys TO throughline_system;
      DROP POLICY expired ON threads;
      REVOKE SELECT (org_id, expires_at) ON threads FROM throughline_system;
      DROP FUNCTION throughline_merge_patch_in_order(json, json);
      DROP TABLE sessions;
      ALTER TABLE threads DROP COLUMN session_id, DROP COLUMN expires_at, DROP COLUMN lifetime_ms;
    `);
  }
}

/*
 * What makes a session's thread different is in the thread's own row: when it is gone, and under which name it is
 * active. So one row decides, whichever way a request comes, and nothing is joined for a thread without a session.
 */
const THREADS = `
ALTER TABLE threads
  ADD COLUMN session_id text COLLATE "C",
  ADD COLUMN expires_at timestamptz(3),
  ADD COLUMN lifetime_ms bigint;
CREATE INDEX threads_session_user_updated_at_idx ON threads (org_id, user_id, updated_at, id)
  WHERE session_id IS NOT NULL;
CREATE INDEX threads_session_updated_at_idx ON threads (org_id, updated_at, id) WHERE session_id IS NOT NULL;
CREATE INDEX threads_expires_at_idx ON threads (expires_at) WHERE expires_at IS NOT NULL;
`;

/* The collation C orders ids by their bytes: a prefix is a range of the index, in every locale (C17). */
const SESSIONS = `
CREATE TABLE sessions (
  org_id text NOT NULL,
  user_id text NOT NULL,
  id text COLLATE "C" NOT NULL,
  thread_id uuid NOT NULL,
  notebook_id text,
  prompt_name text,
  system_prompt text,
  max_tokens integer,
  variables json NOT NULL DEFAULT '{}',
  saved_version bigint,
  turn_id uuid,
  turn_expires_at timestamptz(3),
  last_accessed_at timestamptz(3) NOT NULL DEFAULT now(),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT sessions_pkey PRIMARY KEY (org_id, user_id, id),
  CONSTRAINT sessions_thread_id_key UNIQUE (org_id, thread_id),
  CONSTRAINT sessions_thread_id_fkey FOREIGN KEY (org_id, thread_id) REFERENCES threads (org_id, id) ON DELETE CASCADE
);
`;

/* RFC 7396 on json, which keeps the order of the names, as jsonb does not (C49). */
const MERGE_PATCH_IN_ORDER = `
CREATE FUNCTION throughline_merge_patch_in_order(target json, patch json) RETURNS json
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  base json := CASE WHEN json_typeof(target) = 'object' THEN target ELSE '{}'::json END;
BEGIN
  IF json_typeof(patch) <> 'object' THEN RETURN patch; END IF;
  RETURN coalesce((
    SELECT json_object_agg(key, value ORDER BY place, n) FROM (
      SELECT 1 AS place, b.n, b.key,
        CASE WHEN p.key IS NULL THEN b.value ELSE throughline_merge_patch_in_order(b.value, p.value) END AS value
      FROM json_each(base) WITH ORDINALITY AS b(key, value, n)
      LEFT JOIN json_each(patch) AS p(key, value) ON p.key = b.key
      WHERE p.key IS NULL OR json_typeof(p.value) <> 'null'
      UNION ALL
      SELECT 2, p.n, p.key, throughline_merge_patch_in_order(NULL, p.value)
      FROM json_each(patch) WITH ORDINALITY AS p(key, value, n)
      WHERE json_typeof(p.value) <> 'null'
        AND NOT EXISTS (SELECT 1 FROM json_each(base) AS b(key, value) WHERE b.key = p.key)
    ) merged
  ), '{}'::json);
END $$;
`;

/*
 * The cleanup learns which organizations have something to remove, and nothing else of a thread or of a kept answer; it removes
 * through the tenants' door.
 */
const SYSTEM_GRANTS = `
REVOKE SELECT, DELETE ON idempotency_keys FROM throughline_system;
GRANT SELECT (org_id, created_at) ON idempotency_keys TO throughline_system;
CREATE POLICY expired ON threads FOR SELECT TO throughline_system USING (expires_at < now());
GRANT SELECT (org_id, expires_at) ON threads TO throughline_system;
`;
