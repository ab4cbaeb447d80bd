/*
 * The search over messages, in the database. Row-level security keeps text search off its indexes, so it runs as a role of its
 * own, in a function that asks for the organization and compares it with the transaction's; see memory-search.
 */

/* Of how many matches the newest are looked for, and how many of those are ranked: no question makes unbounded work. */
const MOST_SCANNED = 100_000;
const MOST_RANKED = 5_000;
/*
 * With `similar`: for how many words of a question, in how many messages, how many words are read in all to find those that
 * begin alike, and how many of these are compared. One message may hold ten thousand words.
 */
const MOST_WORDS = 8;
const MOST_SPELLED = 500;
const MOST_READ = 50_000;
const MOST_COMPARED = 5_000;
/* Characters that an extract is made of, and so many of the next ones: a phrase is not cut. */
const PIECE = 4_000;
const OVERLAP = 400;
/* Of a longer question an extract shows any words: how they stand to each other is looked for again at each of them. */
const MOST_NODES = 31;
/* With `any`: words of a question that are looked for. */
const MOST_ANY = 64;

/*
 * Whose matches: the user's own, in all of the organization (admins), and in threads that are shared with the user; or of these
 * only what is in threads of one owner.
 */
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
  f_owner text := CASE WHEN (p_filter->>'own')::boolean THEN p_user ELSE p_filter->>'owner_id' END;
BEGIN
  RETURN QUERY
    SELECT s.thread_id, s.seq, s.id, s.search FROM (
      SELECT m.thread_id, m.seq, m.id, m.search, m.created_at FROM (
        SELECT m.* FROM messages m
        WHERE (coalesce(f_owner, p_user) = p_user AND NOT p_all OR f_owner IS NOT NULL AND p_all)
          AND ${filtered('m.owner_id = coalesce(f_owner, p_user)')}
        UNION ALL
        SELECT m.* FROM messages m WHERE p_all AND f_owner IS NULL AND ${filtered('true')}
        UNION ALL
        SELECT m.* FROM (
          SELECT DISTINCT h.thread_id FROM shares h
          WHERE h.org_id = p_org AND h.user_id = p_user AND (h.expires_at IS NULL OR h.expires_at > now())
        ) h JOIN messages m ON m.thread_id = h.thread_id
        WHERE NOT p_all AND f_owner IS DISTINCT FROM p_user
          AND ${filtered('m.owner_id <> p_user AND (f_owner IS NULL OR m.owner_id = f_owner)')}
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
        SELECT DISTINCT c.lexeme FROM (
          SELECT r.lexeme FROM (
            SELECT u.lexeme FROM throughline_search_scan(p_org, p_user, p_all,
                (throughline_search_lexeme(left(part, 2)) || ':*')::tsquery, p_filter, ${MOST_SPELLED}) s,
              unnest(tsvector_to_array(s.search)) u(lexeme)
            LIMIT ${MOST_READ}
          ) r
          WHERE left(r.lexeme, 2) = left(part, 2) AND abs(length(r.lexeme) - length(part)) <= 3
          LIMIT ${MOST_COMPARED}
        ) c
      ) w WHERE similarity(w.lexeme, part) >= 0.4 OR (length(part) >= 4 AND length(w.lexeme) = length(part)
        AND (SELECT string_agg(c, '' ORDER BY c) FROM string_to_table(w.lexeme, NULL) c)
          = (SELECT string_agg(c, '' ORDER BY c) FROM string_to_table(part, NULL) c))
      ORDER BY similarity(w.lexeme, part) DESC, w.lexeme LIMIT 5)
    ) near;
    words := CASE WHEN words IS NULL OR numnode(words) = 0 THEN one ELSE words && one END;
  END LOOP;
  RETURN words;
END $$;
`;

/*
 * A marked extract of a text. `ts_headline` costs the square of a text's length where the words stand often, so it is given a
 * piece: the first one that matches, or else the first that has any of the words; of that, what stands around one of them.
 */
const EXTRACT = `
CREATE FUNCTION throughline_search_extract(config regconfig, body text, words tsquery, options text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  whole text := throughline_search_text(body);
  pieces integer := ceil(length(whole) / ${PIECE}.0);
  any_word tsquery;
  shown tsquery;
  piece text;
  piece_words tsvector;
  best text;
BEGIN
  SELECT string_agg(DISTINCT w[1], ' | ') INTO any_word
    FROM regexp_matches(querytree(words), '(''(?:[^'']|'''')*''(?::\\*)?)', 'g') w;
  shown := CASE WHEN numnode(words) <= ${MOST_NODES} THEN words ELSE coalesce(any_word, ''::tsquery) END;
  IF pieces <= 1 THEN RETURN ts_headline(config, whole, shown, options); END IF;
  FOR n IN 0..pieces - 1 LOOP
    piece := substr(whole, n * ${PIECE} + 1, ${PIECE + OVERLAP});
    -- The piece before ends with the word that is cut here.
    IF n > 0 THEN piece := substr(piece, coalesce(nullif(strpos(piece, ' '), 0), 1)); END IF;
    piece_words := to_tsvector(config, piece);
    IF piece_words @@ words THEN RETURN ts_headline(config, piece, shown, options); END IF;
    IF best IS NULL AND piece_words @@ any_word THEN best := piece; END IF;
  END LOOP;
  IF best IS NULL THEN RETURN ts_headline(config, left(whole, ${PIECE}), shown, options); END IF;
  RETURN ts_headline(config, best, any_word, options);
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

export const SEARCH = [LEXEME, SCAN, WORDS, MESSAGES, EXTRACT].join('');

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
