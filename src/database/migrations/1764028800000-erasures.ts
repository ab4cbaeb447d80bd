import type { MigrationInterface, QueryRunner } from 'typeorm';
import { policies } from './policies';

/** Receipts of erasures. */
export class Erasures1764028800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
    await runner.query(policies('erasures'));
    await runner.query(SYSTEM_GRANTS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE erasures; DROP INDEX messages_sender_id_idx, memory_versions_saved_by_idx');
  }
}

/* No foreign key to the user: the receipt outlives the user, and names nobody once it is done. */
const TABLE = `
CREATE TABLE erasures (
  org_id text NOT NULL,
  id uuid NOT NULL,
  subject text NOT NULL,
  user_id text,
  status text NOT NULL DEFAULT 'running',
  rows jsonb NOT NULL DEFAULT '{}',
  requested_by text,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  finished_at timestamptz(3),
  CONSTRAINT erasures_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT erasures_org_id_fkey FOREIGN KEY (org_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT erasures_subject_check CHECK (subject IN ('user', 'organization')),
  CONSTRAINT erasures_status_check CHECK (status IN ('running', 'done'))
);
CREATE INDEX erasures_running_idx ON erasures (updated_at) WHERE status = 'running';
-- For the rows of others in which an erased user is named.
CREATE INDEX messages_sender_id_idx ON messages (org_id, sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX memory_versions_saved_by_idx ON memory_versions (org_id, saved_by) WHERE saved_by <> user_id;
`;

/* The schedule learns which erasures broke off, and nothing of whom they are about. */
const SYSTEM_GRANTS = `
CREATE POLICY running ON erasures FOR SELECT TO throughline_system USING (status = 'running');
GRANT SELECT (org_id, id, status, updated_at) ON erasures TO throughline_system;
`;
