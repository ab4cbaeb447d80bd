/*
 * The search over messages, in the database. Row-level security keeps text search off its indexes, so it runs as a role of its
 * own, in a function that asks for the organization and compares it with the transaction's; see memory-search.
 */

/* Of how many matches the newest are looked for, and how many of those are ranked: no question makes unbounded work. */
const MOST_SCANNED = 100_000;
const MOST_RANKED = 5_000;
/* Of how many messages the spellings are compared, for how many words of a question. */
const MOST_SPELLED = 2_000;
const MOST_WORDS = 8;
/* With `any`: words of a question that are looked for. */
const MOST_ANY = 64;

/* Whose matches: the user's own, in all of the organization (admins), and in threads that are shared with the user. */
const filtered = (conditions: string) => `
        m.org_id = p_org AND ${conditions} AND m.search @@ p_words
        AND (f_thread IS NULL OR m.thread_id = f_thread)
        AND (f_except IS NULL OR m.thread_id <> f_except OR m.seq < f_before)
        AND (p_filter->>'role' IS NULL OR m.role = p_filter->>'role')
        AND (NOT f_plain OR m.role IN ('user', 'assistant') AND m.tool_calls IS NULL)
        AND (p_filter->>'sender_id' IS NULL OR m.sender_id = p_filter->>'sender_id')
        AND (p_filter->>'from' IS NULL OR m.created_at >= (p_filter->>'from')::timestamptz)
        AND (p_filter->>'to' IS NULL OR m.created_at < (p_filter->>'to')::timestamptz)
        AND (p_filter->'metadata' IS NULL OR m.metadata @> (p_filter->'metadata'))`;

const SCAN = `
CREATE FUNCTION throughline_search_scan(
  p_org text, p_user text, p_all boolean, p_words tsquery, p_filter jsonb, p_most integer
) RETURNS TABLE (thread_id uuid, seq bigint, id uuid, search tsvector)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
  f_thread uuid := p_filter->>'thread_id';
  f_session text := p_filter->>'session_id';
  f_except uuid := p_filter->>'except_thread_id';
  f_before bigint := coalesce((p_filter->>'except_from_seq')::bigint, 0);
  f_sessions boolean := coalesce((p_filter->>'sessions')::boolean, false);
  f_plain boolean := coalesce((p_filter->>'plain')::boolean, false);
  f_own boolean := coalesce((p_filter->>'own')::boolean, false);
BEGIN
  RETURN QUERY
    SELECT s.thread_id, s.seq, s.id, s.search FROM (
      SELECT m.thread_id, m.seq, m.id, m.search, m.created_at FROM (
        SELECT m.* FROM messages m WHERE NOT p_all AND ${filtered('m.owner_id = p_user')}
        UNION ALL
        SELECT m.* FROM messages m WHERE p_all AND ${filtered('true')}
        UNION ALL
        SELECT m.* FROM (
          SELECT DISTINCT h.thread_id FROM shares h
          WHERE h.org_id = p_org AND h.user_id = p_user AND (h.expires_at IS NULL OR h.expires_at > now())
        ) h JOIN messages m ON m.thread_id = h.thread_id
        WHERE NOT p_all AND NOT f_own AND ${filtered('m.owner_id <> p_user')}
      ) m
      JOIN threads t ON t.org_id = p_org AND t.id = m.thread_id
      WHERE t.deleted_at IS NULL AND (t.expires_at IS NULL OR t.expires_at >= now())
        AND (NOT f_sessions OR t.session_id IS NOT NULL) AND (f_session IS NULL OR t.session_id = f_session)
      LIMIT ${MOST_SCANNED}
    ) s
    ORDER BY s.created_at DESC, s.id DESC LIMIT p_most;
END $$;
`.replaceAll('SELECT m.* FROM', 'SELECT m.thread_id, m.seq, m.id, m.search, m.created_at FROM');

const LEXEME = `
CREATE FUNCTION throughline_search_lexeme(lexeme text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT '''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || ''''
$$;
`;

/*
 * A question in one of its readings. Spellings are compared with the words of messages that the user may see, found by their
 * first two letters: an index of all trigrams would slow every append by a third. Alike are words that share a good part of
 * their trigrams, or all of their letters.
 */
const WORDS = `
CREATE FUNCTION throughline_search_words(
  p_mode text, p_query text, p_org text, p_configs regconfig[], p_user text, p_all boolean, p_filter jsonb
) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
DECLARE
  config regconfig;
  one tsquery;
  words tsquery;
  part text;
BEGIN
  FOREACH config IN ARRAY p_configs LOOP
    one := CASE p_mode
      WHEN 'phrase' THEN phraseto_tsquery(config, p_query)
      WHEN 'fts' THEN websearch_to_tsquery(config, p_query)
      WHEN 'prefix' THEN to_tsquery(config, coalesce((
        SELECT string_agg(throughline_search_lexeme(w) || ':*', ' & ')
        FROM unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', p_query))) w), ''))
      WHEN 'any' THEN coalesce((
        SELECT string_agg(throughline_search_lexeme(w.lexeme), ' | ')
        FROM (SELECT lexeme FROM unnest(to_tsvector(config, p_query)) ORDER BY positions[1] LIMIT ${MOST_ANY}) w), '')::tsquery
      WHEN 'similar' THEN ''::tsquery
    END;
    words := CASE WHEN words IS NULL OR numnode(words) = 0 THEN one WHEN numnode(one) = 0 THEN words ELSE words || one END;
  END LOOP;
  IF p_mode <> 'similar' THEN RETURN words; END IF;
  FOR part IN SELECT lexeme FROM unnest(to_tsvector(p_configs[1], p_query)) ORDER BY positions[1] LIMIT ${MOST_WORDS} LOOP
    SELECT string_agg(throughline_search_lexeme(near.lexeme), ' | ') INTO STRICT one FROM (
      SELECT part AS lexeme
      UNION
      (SELECT w.lexeme FROM (
        SELECT DISTINCT u.lexeme FROM throughline_search_scan(p_org, p_user, p_all,
            (throughline_search_lexeme(left(part, 2)) || ':*')::tsquery, p_filter, ${MOST_SPELLED}) s, unnest(s.search) u
        WHERE left(u.lexeme, 2) = left(part, 2) AND abs(length(u.lexeme) - length(part)) <= 3
      ) w WHERE similarity(w.lexeme, part) >= 0.4 OR (length(part) >= 4
        AND (SELECT string_agg(c, '' ORDER BY c) FROM string_to_table(w.lexeme, NULL) c)
          = (SELECT string_agg(c, '' ORDER BY c) FROM string_to_table(part, NULL) c))
      ORDER BY similarity(w.lexeme, part) DESC, w.lexeme LIMIT 5)
    ) near;
    words := CASE WHEN words IS NULL OR numnode(words) = 0 THEN one ELSE words && one END;
  END LOOP;
  RETURN words;
END $$;
`;

/* Tries one reading after the other until something is found. An older position in the order is where a page goes on. */
const MESSAGES = `
CREATE FUNCTION throughline_search_messages(
  p_org text, p_user text, p_all boolean, p_query text, p_modes text[], p_filter jsonb, p_limit integer
) RETURNS TABLE (thread_id uuid, seq bigint, id uuid, score real, found_by text, config regconfig, words tsquery)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
  question text := throughline_search_text(p_query);
  configs regconfig[];
  reading text;
  asked tsquery;
  after_score real := p_filter->>'after_score';
  after_id uuid := p_filter->>'after_id';
BEGIN
  IF p_org IS DISTINCT FROM current_setting('app.org_id', true) THEN
    RAISE EXCEPTION 'the search is bound to the organization of the transaction' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT array_agg(throughline_search_config(l) ORDER BY n) INTO configs
    FROM organizations o, jsonb_array_elements_text(o.settings->'search_languages') WITH ORDINALITY AS languages(l, n)
    WHERE o.id = p_org;
  configs := coalesce(configs, ARRAY[throughline_search_config(NULL)]);
  FOREACH reading IN ARRAY p_modes LOOP
    asked := throughline_search_words(reading, question, p_org, configs, p_user, p_all, p_filter);
    CONTINUE WHEN asked IS NULL OR numnode(asked) = 0;
    RETURN QUERY
      SELECT s.thread_id, s.seq, s.id, s.score, reading, configs[1], asked FROM (
        SELECT s.*, ts_rank(s.search, asked, 1) AS score
        FROM throughline_search_scan(p_org, p_user, p_all, asked, p_filter, ${MOST_RANKED}) s
      ) s
      WHERE after_id IS NULL OR (s.score, s.id) < (after_score, after_id)
      ORDER BY s.score DESC, s.id DESC LIMIT p_limit;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
END $$;
`;

export const SEARCH = [LEXEME, SCAN, WORDS, MESSAGES].join('');

/* A function's owner must be allowed to create in its schema at that moment, and never after. */
export const SEARCH_OWNER = `
DO $$
DECLARE
  signature text;
BEGIN
  EXECUTE format('GRANT CREATE ON SCHEMA %I TO throughline_search', current_schema());
  FOREACH signature IN ARRAY ARRAY[
    'throughline_search_scan(text, text, boolean, tsquery, jsonb, integer)',
    'throughline_search_words(text, text, text, regconfig[], text, boolean, jsonb)',
    'throughline_search_messages(text, text, boolean, text, text[], jsonb, integer)'
  ] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', signature, current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
    EXECUTE format('ALTER FUNCTION %s OWNER TO throughline_search', signature);
  END LOOP;
  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM throughline_search', current_schema());
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO throughline_app', signature);
END $$;
`;
