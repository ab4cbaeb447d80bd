import type { MigrationInterface, QueryRunner } from 'typeorm';
import { policies } from './policies';

/** Who wrote each message, as the server knows it; of what is older than this, nobody does. */
export class MessageAuthors1764460800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
    await runner.query(TABLE);
    await runner.query(policies('message_authors'));
    await runner.query(TRIGGER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER written_by_others ON messages;
      DROP FUNCTION throughline_note_author();
      DROP TABLE message_authors;
      ALTER TABLE deleted_messages DROP COLUMN created_by, DROP COLUMN created_via;
      ALTER TABLE messages DROP COLUMN created_by, DROP COLUMN created_via;
    `);
  }
}

/* Nullable, without a default: no row is written anew, however many there are. */
const COLUMNS = `
ALTER TABLE messages ADD COLUMN created_by text, ADD COLUMN created_via text;
ALTER TABLE deleted_messages ADD COLUMN created_by text, ADD COLUMN created_via text;
`;

/*
 * An erasure has to find what a user wrote in threads of others. An index of messages by their authors would have to read every
 * message to be made, with nobody writing meanwhile, and each append would pay for it; so only the threads are noted.
 */
const TABLE = `
CREATE TABLE message_authors (
  org_id text NOT NULL,
  user_id text NOT NULL,
  thread_id uuid NOT NULL,
  CONSTRAINT message_authors_pkey PRIMARY KEY (org_id, user_id, thread_id),
  CONSTRAINT message_authors_thread_id_fkey FOREIGN KEY (org_id, thread_id) REFERENCES threads (org_id, id) ON DELETE CASCADE
);
CREATE INDEX message_authors_thread_id_idx ON message_authors (org_id, thread_id);
`;

/* After `search_words`, by its name, which fills in the owner. Of a message in the own thread the condition is all that runs. */
const TRIGGER = `
CREATE FUNCTION throughline_note_author() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO message_authors (org_id, user_id, thread_id) VALUES (NEW.org_id, NEW.created_by, NEW.thread_id)
    ON CONFLICT DO NOTHING;
  RETURN NEW;
END $$;
CREATE TRIGGER written_by_others BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.created_by <> NEW.owner_id)
  EXECUTE FUNCTION throughline_note_author();
`;
