import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SEARCH, SEARCH_OWNER } from './message-search-functions';

/** Search over messages: the words of each beside it, an index of them by organization and owner, and the search itself. */
export class MessageSearch1764288000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(DOCUMENT);
    await runner.query(COLUMNS);
    await runner.query(TRIGGERS);
    await runner.query(GRANTS);
    await runner.query(SEARCH);
    await runner.query(SEARCH_OWNER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION throughline_search_extract(regconfig, text, tsquery, text);
      DROP FUNCTION throughline_search_messages(text, text, boolean, text, text[], jsonb, integer);
      DROP FUNCTION throughline_search_words(text, text, text, regconfig[], text, boolean, jsonb);
      DROP FUNCTION throughline_search_scan(text, text, boolean, tsquery, jsonb, integer);
      DROP FUNCTION throughline_search_lexeme(text);
      DROP POLICY search ON shares;
      DROP POLICY search ON threads;
      DROP POLICY search ON organizations;
      DROP POLICY search ON messages;
      REVOKE ALL ON messages, threads, shares, organizations FROM throughline_search;
      DROP TRIGGER search_words ON messages;
      DROP TRIGGER search_words_again ON messages;
      DROP FUNCTION throughline_message_words();
      DROP INDEX messages_search_idx;
      ALTER TABLE messages DROP COLUMN search, DROP COLUMN owner_id;
      DROP FUNCTION throughline_message_document(regconfig, jsonb, jsonb, text);
      DROP FUNCTION throughline_message_text(jsonb, jsonb, text);
      DROP FUNCTION throughline_search_text(text);
      DROP FUNCTION throughline_search_config(text);
    `);
  }
}

/* Written anew by 1764374400000, whose `down` brings them back. */
export const SEARCH_TEXT = `CREATE FUNCTION throughline_search_text(body text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF body ~ '\\S{128}' THEN body := regexp_replace(body, '(\\S{128})', '\\1 ', 'g'); END IF;
  IF strpos(body, '<') > 0 THEN body := translate(body, '<>', '  '); END IF;
  IF octet_length(body) = length(body) THEN RETURN body; END IF;
  body := lower(body COLLATE "und-x-icu");
  IF body !~ '[\\u0E00-\\u0E7F\\u3040-\\u30FF\\u3400-\\u4DBF\\u4E00-\\u9FFF]' THEN RETURN body; END IF;
  RETURN regexp_replace(body, '([\\u0E00-\\u0E7F\\u3040-\\u30FF\\u3400-\\u4DBF\\u4E00-\\u9FFF])', ' \\1 ', 'g');
END $$;

`;

export const MESSAGE_WORDS = `CREATE FUNCTION throughline_message_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  language text;
  body text;
BEGIN
  SELECT t.user_id, o.settings->'search_languages'->>0 INTO NEW.owner_id, language
    FROM threads t, organizations o WHERE t.org_id = NEW.org_id AND t.id = NEW.thread_id AND o.id = NEW.org_id;
  body := CASE WHEN language IS NULL AND NEW.tool_calls IS NULL AND NEW.name IS NULL
    AND jsonb_typeof(NEW.content->'text') = 'string' THEN NEW.content->>'text' END;
  IF octet_length(body) = length(body) AND length(body) < 50000 AND strpos(body, '<') = 0 THEN
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

/*
 * What of a message is found: its texts, the names and arguments of its calls, and who spoke. Of a very long one the
 * beginning: a document has 1 MB at most. Small letters are ICU's: in the locale C, only A to Z have any. Scripts without
 * spaces count by characters. What goes on without a space is cut every 128 characters: PostgreSQL reads a chain of words, such
 * as ids with dashes, again for each of its parts, so that a long one would take minutes. What looks like a tag is text. In PL/pgSQL, since an SQL function of this size is planned anew for every row.
 */
const DOCUMENT = `
CREATE FUNCTION throughline_message_text(content jsonb, tool_calls jsonb, name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  body text;
BEGIN
  body := CASE
    WHEN jsonb_typeof(content) = 'object' AND jsonb_typeof(content->'text') = 'string' THEN content->>'text'
    WHEN jsonb_typeof(content) = 'string' THEN content #>> '{}'
    WHEN jsonb_typeof(content) IN ('object', 'array') THEN (
      SELECT string_agg(part #>> '{}', E'\\n') FROM jsonb_path_query(content, 'strict $.**{0 to 6}.text', '{}', true) part
      WHERE jsonb_typeof(part) = 'string')
  END;
  IF jsonb_typeof(tool_calls) = 'array' THEN
    body := concat_ws(E'\\n', body, (
      SELECT string_agg(concat_ws(' ', call->'function'->>'name', call->'function'->>'arguments'), E'\\n')
      FROM jsonb_array_elements(tool_calls) call));
  END IF;
  IF name IS NOT NULL THEN body := concat_ws(E'\\n', body, name); END IF;
  RETURN CASE WHEN octet_length(body) > 100000 THEN left(body, 100000) ELSE coalesce(body, '') END;
END $$;

${SEARCH_TEXT}CREATE FUNCTION throughline_message_document(config regconfig, content jsonb, tool_calls jsonb, name text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  body text := throughline_search_text(throughline_message_text(content, tool_calls, name));
BEGIN
  RETURN to_tsvector(config, CASE WHEN octet_length(body) > 200000 THEN left(body, 50000) ELSE body END);
END $$;

CREATE FUNCTION throughline_search_config(language text) RETURNS regconfig LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  IF language IS NULL THEN RETURN 'pg_catalog.english'::regconfig; END IF;
  RETURN coalesce(
    (SELECT c.oid FROM pg_ts_config c WHERE c.cfgname = language AND c.cfgnamespace = 'pg_catalog'::regnamespace),
    'pg_catalog.simple'::regconfig);
END $$;
`;

/*
 * The owner stands beside the message, so that nobody's search walks through the matches of others; it is the thread's,
 * which never changes. Row-level security binds the owner of the tables too, but for the moment in which old rows are filled.
 */
const COLUMNS = `
ALTER TABLE messages ADD COLUMN owner_id text, ADD COLUMN search tsvector;
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
ALTER TABLE threads NO FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations NO FORCE ROW LEVEL SECURITY;
UPDATE messages m SET owner_id = t.user_id, search = throughline_message_document(
    throughline_search_config(o.settings->'search_languages'->>0), m.content, m.tool_calls, m.name)
  FROM threads t JOIN organizations o ON o.id = t.org_id WHERE t.org_id = m.org_id AND t.id = m.thread_id;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE threads FORCE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
ALTER TABLE messages ALTER COLUMN owner_id SET NOT NULL, ALTER COLUMN search SET NOT NULL;
CREATE INDEX messages_search_idx ON messages USING gin (org_id, owner_id, search) WITH (gin_pending_list_limit = 512);
`;

/*
 * Whoever writes messages, their words are indexed. A copy brings its words along and is left as it is. Nearly every message is
 * a short plain text: for those the functions are not called, which would double the time that this takes of an append.
 */
const TRIGGERS = `
${MESSAGE_WORDS}CREATE TRIGGER search_words BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.search IS NULL)
  EXECUTE FUNCTION throughline_message_words();
CREATE TRIGGER search_words_again BEFORE UPDATE OF content, tool_calls, name ON messages FOR EACH ROW
  WHEN (OLD.content IS DISTINCT FROM NEW.content OR OLD.tool_calls IS DISTINCT FROM NEW.tool_calls
    OR OLD.name IS DISTINCT FROM NEW.name)
  EXECUTE FUNCTION throughline_message_words();
`;

/* Its role reads no content: what it is granted is where a message is, and its words. On messages the policy must not compare. */
const GRANTS = `
CREATE POLICY search ON messages FOR SELECT TO throughline_search USING (true);
CREATE POLICY search ON threads FOR SELECT TO throughline_search USING (org_id = current_setting('app.org_id', true));
CREATE POLICY search ON shares FOR SELECT TO throughline_search USING (org_id = current_setting('app.org_id', true));
CREATE POLICY search ON organizations FOR SELECT TO throughline_search USING (id = current_setting('app.org_id', true));
GRANT SELECT (org_id, thread_id, seq, id, role, tool_calls, sender_id, metadata, created_at, owner_id, search)
  ON messages TO throughline_search;
GRANT SELECT (org_id, id, session_id, deleted_at, expires_at) ON threads TO throughline_search;
GRANT SELECT (org_id, thread_id, user_id, expires_at) ON shares TO throughline_search;
GRANT SELECT (id, settings) ON organizations TO throughline_search;
`;
