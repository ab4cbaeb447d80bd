import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['users', 'api_keys', 'threads', 'messages', 'current_threads', 'idempotency_keys'];

/** Organizations, users, API keys, threads, messages and idempotency keys, with the roles and the policies. */
export class ThreadsAndMessages1763683200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ROLES);
    await runner.query(TABLES);
    await runner.query(MERGE_PATCH);
    for (const table of TENANT_TABLES) await runner.query(policies(table, 'org_id'));
    await runner.query(policies('organizations', 'id'));
    await runner.query(SYSTEM_GRANTS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE idempotency_keys, current_threads, messages, threads, api_keys, users, organizations;
      DROP FUNCTION throughline_merge_patch(jsonb, jsonb);
    `);
    // Roles belong to the whole server: another database of it may still need them.
    await runner.query(DROP_ROLES);
  }
}

/*
 * Neither role can log in, owns anything or bypasses row-level security. Whoever migrates becomes a member of both,
 * so that one connection URL is enough (PostgreSQL 16 does not make a role's creator its member).
 */
const ROLES = `
DO $$
DECLARE role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['throughline_app', 'throughline_system'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role_name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role_name);
  END LOOP;
END $$;
`;

const DROP_ROLES = `
DO $$
DECLARE role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['throughline_app', 'throughline_system'] LOOP
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', current_schema(), role_name);
    BEGIN
      EXECUTE format('DROP ROLE %I', role_name);
    EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR object_in_use THEN NULL;
    END;
  END LOOP;
END $$;
`;

/* Milliseconds are what the API shows and what a cursor holds: finer times would make pages skip rows. */
const TABLES = `
CREATE TABLE organizations (
  id text NOT NULL,
  name text NOT NULL DEFAULT '',
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT organizations_pkey PRIMARY KEY (id)
);

CREATE TABLE users (
  org_id text NOT NULL,
  id text NOT NULL,
  role text NOT NULL DEFAULT 'member',
  display_name text,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT users_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT users_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE TABLE api_keys (
  org_id text NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  user_id text,
  secret_hash bytea NOT NULL,
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT api_keys_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT api_keys_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX api_keys_id_key ON api_keys (id);
CREATE INDEX api_keys_revoked_at_idx ON api_keys (revoked_at);

CREATE TABLE threads (
  org_id text NOT NULL,
  id uuid NOT NULL,
  user_id text NOT NULL,
  name text NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active',
  last_seq bigint NOT NULL DEFAULT 0,
  message_count bigint NOT NULL DEFAULT 0,
  token_count bigint NOT NULL DEFAULT 0,
  total_cost numeric(38,12) NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 1,
  forked_from_thread_id uuid,
  forked_from_seq bigint,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT threads_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT threads_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
  CONSTRAINT threads_status_check CHECK (status IN ('active', 'archived'))
) WITH (fillfactor = 80);
CREATE INDEX threads_user_id_status_updated_at_idx ON threads (org_id, user_id, status, updated_at, id);
CREATE INDEX threads_status_updated_at_idx ON threads (org_id, status, updated_at, id);
CREATE INDEX threads_user_id_id_idx ON threads (org_id, user_id, id);

CREATE TABLE messages (
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
  metadata jsonb NOT NULL DEFAULT '{}',
  token_count integer NOT NULL DEFAULT 0,
  cost numeric(38,12) NOT NULL DEFAULT 0,
  client_timestamp timestamptz(3),
  request_hash bytea,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  CONSTRAINT messages_pkey PRIMARY KEY (org_id, thread_id, seq),
  CONSTRAINT messages_id_key UNIQUE (org_id, id),
  CONSTRAINT messages_thread_id_fkey FOREIGN KEY (org_id, thread_id) REFERENCES threads (org_id, id) ON DELETE CASCADE
);

CREATE TABLE current_threads (
  org_id text NOT NULL,
  user_id text NOT NULL,
  thread_id uuid NOT NULL,
  CONSTRAINT current_threads_pkey PRIMARY KEY (org_id, user_id),
  CONSTRAINT current_threads_thread_id_fkey FOREIGN KEY (org_id, thread_id) REFERENCES threads (org_id, id) ON DELETE CASCADE
);
CREATE INDEX current_threads_thread_id_idx ON current_threads (org_id, thread_id);

CREATE TABLE idempotency_keys (
  org_id text NOT NULL,
  user_id text NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL,
  response json,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (org_id, user_id, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
`;

/* RFC 7396, in the database so that parallel patches of different keys all land (C18). */
const MERGE_PATCH = `
CREATE FUNCTION throughline_merge_patch(target jsonb, patch jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  result jsonb;
  field record;
BEGIN
  IF jsonb_typeof(patch) <> 'object' THEN RETURN patch; END IF;
  result := CASE WHEN jsonb_typeof(target) = 'object' THEN target ELSE '{}'::jsonb END;
  FOR field IN SELECT key, value FROM jsonb_each(patch) LOOP
    IF field.value = 'null'::jsonb THEN
      result := result - field.key;
    ELSE
      result := jsonb_set(result, ARRAY[field.key], throughline_merge_patch(result -> field.key, field.value));
    END IF;
  END LOOP;
  RETURN result;
END $$;
`;

/** Row-level security, forced: the owner of the schema is bound by it too; an unset organization sees nothing. */
const policies = (table: string, column: string) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ${table} TO throughline_app
  USING (${column} = current_setting('app.org_id', true))
  WITH CHECK (${column} = current_setting('app.org_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO throughline_app;
`;

/** The system role reads and writes only what has no tenant yet, or what expires. */
const SYSTEM_GRANTS = `
CREATE POLICY system ON organizations TO throughline_system USING (true) WITH CHECK (true);
CREATE POLICY system ON users TO throughline_system USING (true) WITH CHECK (true);
CREATE POLICY system ON api_keys TO throughline_system USING (true) WITH CHECK (true);
CREATE POLICY system ON idempotency_keys TO throughline_system USING (true);
GRANT SELECT, INSERT ON organizations, users TO throughline_system;
GRANT SELECT, INSERT, UPDATE ON api_keys TO throughline_system;
GRANT SELECT, DELETE ON idempotency_keys TO throughline_system;
`;
