import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Search over memory: words and similar spellings, of one user, by index. */
export class MemorySearch1763942400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE EXTENSION IF NOT EXISTS pg_trgm');
    await runner.query('CREATE EXTENSION IF NOT EXISTS btree_gin');
    await runner.query(DOCUMENT);
    await runner.query(ROLE);
    await runner.query(MEMORY_SEARCH);
    await runner.query(OWNER);
  }

  /** The extensions stay: others may use them. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION throughline_search_memories(text, text, text[], text, integer);
      DROP INDEX memories_search_idx, memories_similar_idx;
      DROP FUNCTION throughline_memory_document(text, jsonb);
      DROP POLICY search ON memories;
      REVOKE ALL ON memories FROM throughline_search;
    `);
    await runner.query(DROP_ROLE);
  }
}

/*
 * Chains of words, with a dash or an underscore between them, are taken apart: PostgreSQL would read them again for each of
 * their parts, and a long one would take minutes. (In JSON, a dash after a letter or a digit is inside a text.) No function
 * of its own: PostgreSQL analyzes an index with a search path in which it would not be found.
 */
const unchained = (words: string) =>
  String.raw`regexp_replace(translate(${words}, '_', ' '), '([[:alnum:]])-', '\1 ', 'g')`;

/*
 * Written anew, as are the indexes and the search, by 1764374500000, whose `down` brings them back.
 *
 * Words of the key and of the value's texts, numbers and names, stemmed. Small letters are ICU's: in the locale C, only A
 * to Z have any. The organization and the user stand in the index, so that nobody's search walks through others' matches.
 */
export const MEMORY_DOCUMENT = `CREATE FUNCTION throughline_memory_document(key text, value jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_tsvector('pg_catalog.english', lower(translate(key, '_-.:/@', '      ') COLLATE "und-x-icu"))
    || jsonb_to_tsvector('pg_catalog.english', ${unchained('lower(value::text COLLATE "und-x-icu")')}::jsonb,
      '["string", "numeric", "key"]')
$$;
`;

export const MEMORY_INDEXES = `CREATE INDEX memories_search_idx ON memories
  USING gin (org_id, user_id, throughline_memory_document(key, value));
CREATE INDEX memories_similar_idx ON memories
  USING gin (org_id, user_id, (key || ' ' || value::text) gin_trgm_ops);
`;

const DOCUMENT = `
${MEMORY_DOCUMENT}${MEMORY_INDEXES}`;

/*
 * Row-level security keeps text search off its indexes: its operators are not leak-proof. So the search runs as a role that
 * may read memories and nothing else, in one function that asks for the organization and compares it with the transaction's.
 */
const ROLE = `
DO $$
BEGIN
  BEGIN
    CREATE ROLE throughline_search NOLOGIN NOINHERIT;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    GRANT throughline_search TO CURRENT_USER;
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO throughline_search', current_schema());
END $$;
CREATE POLICY search ON memories FOR SELECT TO throughline_search USING (true);
GRANT SELECT (org_id, user_id, session_scope, key, value, expires_at) ON memories TO throughline_search;
`;

const DROP_ROLE = `
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON SCHEMA %I FROM throughline_search', current_schema());
  DROP ROLE throughline_search;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR object_in_use THEN NULL;
END $$;
`;

export const MEMORY_SEARCH = `
CREATE FUNCTION throughline_search_memories(p_org text, p_user text, p_scopes text[], p_query text, p_limit integer)
RETURNS TABLE (session_scope text, key text, score real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET pg_trgm.word_similarity_threshold = 0.5
AS $$
DECLARE
  words tsquery := websearch_to_tsquery('pg_catalog.english', ${unchained('lower(p_query COLLATE "und-x-icu")')});
BEGIN
  IF p_org IS DISTINCT FROM current_setting('app.org_id', true) THEN
    RAISE EXCEPTION 'the search is bound to the organization of the transaction' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY
    SELECT m.session_scope::text, m.key::text,
      (ts_rank(throughline_memory_document(m.key, m.value), words)
        + word_similarity(p_query, m.key || ' ' || m.value::text))::real
    FROM memories m
    WHERE m.org_id = p_org AND m.user_id = p_user AND m.session_scope = ANY (p_scopes)
      AND (m.expires_at IS NULL OR m.expires_at >= now())
      AND (throughline_memory_document(m.key, m.value) @@ words OR p_query <% (m.key || ' ' || m.value::text))
    ORDER BY 3 DESC, m.key LIMIT p_limit;
END $$;
`;

/* A function's owner must be allowed to create in its schema at that moment, and never after. */
const OWNER = `
DO $$
DECLARE signature text := 'throughline_search_memories(text, text, text[], text, integer)';
BEGIN
  EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', signature, current_schema());
  EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO throughline_app', signature);
  EXECUTE format('GRANT CREATE ON SCHEMA %I TO throughline_search', current_schema());
  EXECUTE format('ALTER FUNCTION %s OWNER TO throughline_search', signature);
  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM throughline_search', current_schema());
END $$;
`;
