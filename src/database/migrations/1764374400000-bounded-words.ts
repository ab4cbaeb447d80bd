import type { MigrationInterface, QueryRunner } from 'typeorm';
import { MESSAGE_WORDS, SEARCH_TEXT } from './1764288000000-message-search';

/** The words of a message take no longer than those of any other text of its length. Only functions change: no row is written. */
export class BoundedWords1764374400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CUT);
    await runner.query(WORDS);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const former of [SEARCH_TEXT, MESSAGE_WORDS]) {
      await runner.query(former.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'));
    }
    await runner.query('DROP FUNCTION throughline_search_cut(text)');
  }
}

/*
 * The parser of PostgreSQL reads some chains (`a_a_a`, `~/~/`, `1.1e1.1e1.`) again for each of their parts, so that 50,000 characters take a
 * minute. What goes on for 128 characters without a space is cut there. No regular expression cuts: each match would build
 * its automaton anew. Parts of 4096 characters first, since `substr` counts characters from the beginning of its text.
 */
const CUT = `
CREATE FUNCTION throughline_search_cut(body text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF length(body) < 128 OR body !~ '\\S{128}' THEN RETURN body; END IF;
  RETURN (
    SELECT string_agg(CASE WHEN length(word) < 128 THEN word ELSE (
        SELECT string_agg(substr(part, n, 128), ' ' ORDER BY p, n)
        FROM generate_series(1, length(word), 4096) p, LATERAL (SELECT substr(word, p, 4096) AS part OFFSET 0) parts,
          generate_series(1, length(part), 128) n
      ) END, ' ' ORDER BY place)
    FROM string_to_table(translate(body, E'\\t\\n\\v\\f\\r', '     '), ' ') WITH ORDINALITY AS words(word, place));
END $$;
`;

/*
 * The short way of the trigger, which calls no function, is for texts that hold no such chain. To look for one costs a tenth of what
 * finding the words costs; in less than 256 characters a chain costs no more than that.
 */
const WORDS = `
CREATE OR REPLACE FUNCTION throughline_search_text(body text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  body := throughline_search_cut(body);
  IF strpos(body, '<') > 0 THEN body := translate(body, '<>', '  '); END IF;
  IF octet_length(body) = length(body) THEN RETURN body; END IF;
  body := lower(body COLLATE "und-x-icu");
  IF body !~ '[\\u0E00-\\u0E7F\\u3040-\\u30FF\\u3400-\\u4DBF\\u4E00-\\u9FFF]' THEN RETURN body; END IF;
  RETURN regexp_replace(body, '([\\u0E00-\\u0E7F\\u3040-\\u30FF\\u3400-\\u4DBF\\u4E00-\\u9FFF])', ' \\1 ', 'g');
END $$;

CREATE OR REPLACE FUNCTION throughline_message_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  language text;
  body text;
BEGIN
  SELECT t.user_id, o.settings->'search_languages'->>0 INTO NEW.owner_id, language
    FROM threads t, organizations o WHERE t.org_id = NEW.org_id AND t.id = NEW.thread_id AND o.id = NEW.org_id;
  body := CASE WHEN language IS NULL AND NEW.tool_calls IS NULL AND NEW.name IS NULL
    AND jsonb_typeof(NEW.content->'text') = 'string' THEN NEW.content->>'text' END;
  IF octet_length(body) = length(body) AND length(body) < 50000 AND strpos(body, '<') = 0
    AND (length(body) < 256 OR body !~ '\\S{128}') THEN
    NEW.search := to_tsvector('pg_catalog.english', body);
  ELSE
    NEW.search := throughline_message_document(
      throughline_search_config(language), NEW.content, NEW.tool_calls, NEW.name);
  END IF;
  -- No thread: the foreign key says so better than a missing owner would.
  IF NEW.owner_id IS NULL THEN NEW.owner_id := ''; END IF;
  RETURN NEW;
END $$;
`;
