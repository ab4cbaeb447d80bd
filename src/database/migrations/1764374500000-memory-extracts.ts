import type { MigrationInterface, QueryRunner } from 'typeorm';
import { MEMORY_DOCUMENT, MEMORY_INDEXES, MEMORY_SEARCH } from './1763942400000-memory-search';

/** How many entries are ranked, of those that hold the words, the newest, and of those that are spelled alike. */
const MAX_FOUND = 500;
/** Characters of a question that are read as words, and that are compared with extracts. */
const MAX_QUESTION = 300;
const MAX_SPELLING = 100;
/** Bytes of values of which a search makes the words. */
const MAX_MADE = 1_000_000;
const MAX_FILL_S = 10;

/* In JSON only these stand for something else. */
const JSON_ESCAPES = String.raw`\\[bfnrt"\\]|\\u00[0-9a-f]{2}`;

/* Chains of words are taken apart, as in the migration that this comes from. */
const unchained = (words: string) =>
  String.raw`regexp_replace(translate(${words}, '_', ' '), '([[:alnum:]])-', '\1 ', 'g')`;

/**
 * A search over memory costs no more than its limits, whatever the values are: the words of an entry and an extract of it stand beside
 * it, as those of messages do, so that neither a search nor ANALYZE reads values. Spellings are compared with extracts.
 */
export class MemoryExtracts1764374500000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(DOCUMENT);
    await runner.query(COLUMNS);
    await runner.query(FILL);
    await runner.query(SEARCH);
    await runner.query(SEARCH_PATH);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const former of [MEMORY_DOCUMENT, MEMORY_SEARCH]) {
      await runner.query(former.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'));
    }
    await runner.query(SEARCH_PATH);
    await runner.query(`
      DROP TRIGGER memory_words ON memories;
      DROP FUNCTION throughline_memory_words();
      ALTER TABLE memories DROP COLUMN extract, DROP COLUMN words;
      DROP FUNCTION throughline_memory_extract(text, jsonb);
      REVOKE SELECT (updated_at) ON memories FROM throughline_search;
      ${MEMORY_INDEXES}
    `);
  }
}

/*
 * The words of an entry as before, but for a value with a chain of 128 characters, which PostgreSQL may read again for each
 * of its parts, or of more than 100,000: that is read as text, cut as messages are. An extract is what an entry begins with:
 * words in small letters, and nothing else.
 */
const DOCUMENT = `
CREATE OR REPLACE FUNCTION throughline_memory_document(key text, value jsonb) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  body text := lower(value::text COLLATE "und-x-icu");
  words tsvector := to_tsvector('pg_catalog.english', lower(translate(key, '_-.:/@', '      ') COLLATE "und-x-icu"));
BEGIN
  IF length(body) <= 100000 AND body !~ '\\S{128}' THEN
    RETURN words || jsonb_to_tsvector('pg_catalog.english', ${unchained('body')}::jsonb,
      '["string", "numeric", "key"]');
  END IF;
  body := regexp_replace(left(body, 100000), '${JSON_ESCAPES}', ' ', 'g');
  RETURN words || to_tsvector('pg_catalog.english', throughline_search_cut(translate(body, '_-<>{}[]",', '          ')));
END $$;

CREATE FUNCTION throughline_memory_extract(key text, value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN left(regexp_replace(lower(left(key || ' ' || value::text, 2000) COLLATE "und-x-icu"),
    '(${JSON_ESCAPES}|[\\s!-/:-@\\[-\`{-~])+', ' ', 'g'), 500);
END $$;
`;

/* The indexes are empty at first, since no row has words yet. */
const COLUMNS = `
ALTER TABLE memories ADD COLUMN extract text, ADD COLUMN words tsvector;
GRANT SELECT (extract, words, updated_at) ON memories TO throughline_search;
DROP INDEX memories_search_idx, memories_similar_idx;
CREATE INDEX memories_words_idx ON memories USING gin (org_id, user_id, words) WHERE words IS NOT NULL;
CREATE INDEX memories_extract_idx ON memories USING gin (org_id, user_id, extract gin_trgm_ops) WHERE extract IS NOT NULL;

CREATE FUNCTION throughline_memory_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.extract := throughline_memory_extract(NEW.key, NEW.value);
  NEW.words := throughline_memory_document(NEW.key, NEW.value);
  RETURN NEW;
END $$;
CREATE TRIGGER memory_words BEFORE INSERT OR UPDATE OF key, value ON memories FOR EACH ROW
  EXECUTE FUNCTION throughline_memory_words();
`;

/*
 * The table is locked meanwhile, so this ends after ${MAX_FILL_S} seconds. Entries that are left get their words when they are saved next,
 * and until then a search makes those of the newest. The owner of the table is bound by row-level security but for this.
 */
const FILL = `
ALTER TABLE memories NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
  ends timestamptz := clock_timestamp() + interval '${MAX_FILL_S} s';
  last tid := '(0,0)';
  batch tid[];
BEGIN
  WHILE clock_timestamp() < ends LOOP
    SELECT array_agg(ctid ORDER BY ctid) INTO batch FROM (
      SELECT ctid FROM memories WHERE ctid > last AND words IS NULL ORDER BY ctid LIMIT 50
    ) m;
    EXIT WHEN batch IS NULL;
    UPDATE memories SET value = value WHERE ctid = ANY (batch);
    last := batch[cardinality(batch)];
  END LOOP;
END $$;
ALTER TABLE memories FORCE ROW LEVEL SECURITY;
`;

const ofScopes = (alias: string) => `${alias}.org_id = p_org AND ${alias}.user_id = p_user
          AND ${alias}.session_scope = ANY (p_scopes) AND (${alias}.expires_at IS NULL OR ${alias}.expires_at >= now())`;

/* Only extracts are ranked; what was found by a word that stands behind its extract comes last. */
const SEARCH = `
CREATE OR REPLACE FUNCTION throughline_search_memories(p_org text, p_user text, p_scopes text[], p_query text, p_limit integer)
RETURNS TABLE (session_scope text, key text, score real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET pg_trgm.word_similarity_threshold = 0.5
AS $$
#variable_conflict use_column
DECLARE
  -- Not half a word at its end.
  question text := CASE WHEN length(p_query) <= ${MAX_QUESTION} THEN p_query
    ELSE regexp_replace(left(p_query, ${MAX_QUESTION}), '\\s\\S*$', '') END;
  asked tsquery := websearch_to_tsquery('pg_catalog.english',
    ${unchained('lower(question COLLATE "und-x-icu")')});
  spelling text := left(trim(throughline_memory_extract('', to_jsonb(p_query))), ${MAX_SPELLING});
BEGIN
  IF p_org IS DISTINCT FROM current_setting('app.org_id', true) THEN
    RAISE EXCEPTION 'the search is bound to the organization of the transaction' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY
    WITH found AS (
      (SELECT m.session_scope, m.key, m.extract, true AS has_words FROM memories m
      WHERE ${ofScopes('m')} AND m.words IS NOT NULL AND m.words @@ asked
      ORDER BY m.updated_at DESC LIMIT ${MAX_FOUND})
      UNION ALL
      (SELECT m.session_scope, m.key, m.extract, false FROM memories m
      WHERE ${ofScopes('m')} AND m.extract IS NOT NULL AND spelling <% m.extract LIMIT ${MAX_FOUND})
      UNION ALL
      SELECT m.session_scope, m.key, m.made, m.words @@ asked FROM (
        SELECT m.session_scope, m.key, throughline_memory_extract(m.key, m.value) AS made,
          throughline_memory_document(m.key, m.value) AS words
        FROM (
          SELECT m.*, sum(octet_length(m.value::text)) OVER (ORDER BY m.updated_at DESC, m.session_scope, m.key) AS bytes FROM (
            SELECT m.session_scope, m.key, m.value, m.updated_at FROM memories m
            WHERE ${ofScopes('m')} AND m.words IS NULL ORDER BY m.updated_at DESC LIMIT ${MAX_FOUND}
          ) m
        ) m WHERE m.bytes <= ${MAX_MADE}
        OFFSET 0
      ) m WHERE m.words @@ asked OR spelling <% m.made
    )
    SELECT f.session_scope::text, f.key::text, (word_similarity(spelling, f.extract) + CASE WHEN f.has_words
      THEN greatest(ts_rank(to_tsvector('pg_catalog.english', f.extract), asked), 0.05) ELSE 0 END)::real
    FROM (
      SELECT f.session_scope, f.key, f.extract, bool_or(f.has_words) AS has_words FROM found f GROUP BY 1, 2, 3
    ) f
    ORDER BY 3 DESC, f.key LIMIT p_limit;
END $$;
`;

/* Replacing a function takes its settings from it, and leaves its owner. */
const SEARCH_PATH = `
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION throughline_search_memories(text, text, text[], text, integer) SET search_path = %I, pg_temp',
    current_schema());
END $$;
`;
