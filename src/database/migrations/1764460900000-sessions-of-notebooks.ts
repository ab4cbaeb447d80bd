import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The age and the cap are for the sessions of notebooks: these are counted by an index, and the others live on. */
export class SessionsOfNotebooks1764460900000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AWAKE);
    await runner.query(LIVE_ON);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER session_awake ON threads;
      DROP FUNCTION throughline_session_awake();
      DROP INDEX sessions_awake_notebooks_idx;
      ALTER TABLE sessions DROP COLUMN awake;
    `);
  }
}

/*
 * Which of a notebook's sessions are active is in the rows of their threads. The index holds no more than those: the ones that
 * sleep or lie in the trash, which may be many, would have to be walked through by whoever makes one. Writes that touch a thread
 * do not name its session, and so do not meet the trigger.
 */
const AWAKE = `
ALTER TABLE sessions ADD COLUMN awake boolean NOT NULL DEFAULT true;
CREATE INDEX sessions_awake_notebooks_idx ON sessions (org_id, thread_id) WHERE awake AND notebook_id IS NOT NULL;
CREATE FUNCTION throughline_session_awake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sessions SET awake = NEW.session_id IS NOT NULL WHERE org_id = NEW.org_id AND thread_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER session_awake AFTER UPDATE OF session_id ON threads FOR EACH ROW
  WHEN (OLD.session_id IS DISTINCT FROM NEW.session_id) EXECUTE FUNCTION throughline_session_awake();
`;

/* Sessions without a notebook that were to live for the 24 hours of the default. Few: each was written to within a day. */
const LIVE_ON = `
ALTER TABLE threads NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions NO FORCE ROW LEVEL SECURITY;
UPDATE threads t SET lifetime_ms = NULL, expires_at = NULL FROM sessions s
  WHERE s.org_id = t.org_id AND s.thread_id = t.id AND s.notebook_id IS NULL AND t.lifetime_ms = 86400000
    AND t.expires_at IS NOT NULL AND (t.expires_at >= now() OR t.deleted_at IS NOT NULL);
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE threads FORCE ROW LEVEL SECURITY;
`;
