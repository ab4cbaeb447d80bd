import type { MigrationInterface, QueryRunner } from 'typeorm';
import { policies } from './policies';

/** Summaries: texts that stand for ranges of a thread's messages, and when threads are summarised by themselves. */
export class Summaries1764115200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
    await runner.query(policies('summaries'));
    await runner.query('ALTER TABLE threads ADD COLUMN auto_summarize jsonb');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE threads DROP COLUMN auto_summarize;
      DROP TABLE summaries;
    `);
  }
}

/* A range may name messages that are gone, or never were: callers bring summaries of their own. */
const TABLE = `
CREATE TABLE summaries (
  org_id text NOT NULL,
  thread_id uuid NOT NULL,
  id uuid NOT NULL,
  from_seq bigint NOT NULL,
  to_seq bigint NOT NULL,
  content text NOT NULL,
  token_count integer NOT NULL,
  created_by text NOT NULL,
  automatic boolean NOT NULL DEFAULT false,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT summaries_pkey PRIMARY KEY (org_id, thread_id, id),
  CONSTRAINT summaries_range_check CHECK (from_seq >= 1 AND to_seq >= from_seq),
  CONSTRAINT summaries_thread_id_fkey FOREIGN KEY (org_id, thread_id) REFERENCES threads (org_id, id) ON DELETE CASCADE
);
CREATE INDEX summaries_range_idx ON summaries (org_id, thread_id, from_seq, id);
CREATE UNIQUE INDEX summaries_automatic_key ON summaries (org_id, thread_id, from_seq) WHERE automatic;
`;
