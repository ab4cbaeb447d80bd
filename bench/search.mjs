import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { addKey, MESSAGE, TOKENS } from './fill.mjs';
import { loadDirect, loadHttp, median } from './load.mjs';
import { machine, passes, table, writeSection } from './report.mjs';
import { makeRequests } from './requests.mjs';
import { makeFolder, openDatabase, own, POOL_MAX, runProgram, startServer } from './stage.mjs';

const LARGE = { messages: 400_000, users: 20, threads: 400 };
const OTHERS = { tenants: 50, messages: 4_000, users: 2, threads: 20 };
const QUERIES = 300;
const ROUNDS = 5;
const APPEND_ROUNDS = 9;
const SEARCH_LOAD = { connections: 4, seconds: 2 };
const APPEND_LOAD = { connections: 32, seconds: 1.5 };

runProgram(async () => {
  const folder = makeFolder();
  const database = await openDatabase(folder);
  const server = await startServer(database, folder);
  const pool = openPool(database);
  console.log('Filling the database …');
  const filled = await fill(pool);
  const searches = makeSearches(server.url, filled, database);
  const bare = await openWithout(pool, database, folder);
  const appends = await makeAppends({ url: server.url, pool }, bare);
  console.log('Warming up …');
  for (const { http, direct } of searches) await inTurn([http, direct]);
  for (const { indexed, plain } of appends) await inTurn([indexed, plain]);
  const searched = await rounds(ROUNDS, searches, ({ http, direct }) => [http, direct]);
  const appended = await rounds(APPEND_ROUNDS, appends, ({ indexed, plain }) => [indexed, plain]);
  const text = report(searches, searched, appends, appended, await planOf(pool, filled));
  writeSection('Search', text);
  console.log(`\n${text}`);
});

function openPool(url, settings = '') {
  const pool = new pg.Pool({ connectionString: url, max: POOL_MAX, options: settings });
  pool.on('error', () => undefined);
  own(Promise.resolve(), () => pool.end());
  return pool;
}

async function inTurn(works) {
  const results = [];
  for (const work of works) results.push(await work());
  return results;
}

async function rounds(count, items, works) {
  const samples = [];
  for (let round = 1; round <= count; round += 1) {
    const sample = [];
    // Who goes first takes turns too.
    for (const item of items)
      sample.push(round % 2 ? await inTurn(works(item)) : (await inTurn(works(item).reverse())).reverse());
    samples.push(sample);
  }
  return samples;
}

/* Texts of 12 to 30 words, of which a few are frequent and most are rare, as in a language. */
const TEXTS = `
  CREATE TEMP TABLE texts AS
  SELECT n, (SELECT string_agg(word, ' ') FROM (
    SELECT 'w' || to_hex((20000 * power(random(), 3))::int + 1000) || substr('aeiou', 1 + n % 5, 1) AS word
    FROM generate_series(1, 12 + (n * 7) % 19)) words) AS text
  FROM generate_series(0, 29999) n`;

const THREADS = `
  INSERT INTO threads (org_id, id, user_id, name, last_seq, message_count)
  SELECT $1, gen_random_uuid(), 'user' || n % $2::int, 'Thread ' || n, $4::int, $4::int
  FROM generate_series(1, $3::int) n RETURNING id`;

const MESSAGES = `
  INSERT INTO messages (org_id, thread_id, seq, id, role, content, token_count, created_at, updated_at)
  SELECT $1, t.id, s.n, gen_random_uuid(), 'user', jsonb_build_object('type', 'text', 'text', x.text), 26, now(), now()
  FROM unnest($2::uuid[]) WITH ORDINALITY AS t(id, place), generate_series(1, $3::int) AS s(n)
  JOIN LATERAL (SELECT ((t.place * 104729 + s.n * 7919) % 30000)::int AS pick) p ON true
  JOIN texts x ON x.n = p.pick`;

async function fill(pool) {
  const client = await pool.connect();
  const suffix = randomUUID().slice(0, 8);
  const large = `search-large-${suffix}`;
  try {
    await client.query(TEXTS);
    const { rows } = await client.query(`SELECT indexdef FROM pg_indexes WHERE indexname = 'messages_search_idx'`);
    await client.query('DROP INDEX messages_search_idx');
    await addTenant(client, large, LARGE);
    for (let n = 0; n < OTHERS.tenants; n += 1) await addTenant(client, `search-${n}-${suffix}`, OTHERS);
    await client.query(rows[0].indexdef);
    const sample = await client.query(
      `SELECT content->>'text' AS text FROM messages WHERE org_id = $1 AND owner_id = 'user1' ORDER BY random() LIMIT $2`,
      [large, QUERIES],
    );
    const queries = sample.rows.map(({ text }) => twoWords(text.split(' ')));
    await client.query('VACUUM ANALYZE threads, messages');
    await client.query('CHECKPOINT');
    const keys = {
      member: await addKey(pool, large, 'member', 'user1'),
      admin: await addKey(pool, large, 'admin', 'admin'),
    };
    return { large, queries, keys };
  } finally {
    client.release();
  }
}

async function addTenant(client, org, { messages, users, threads }) {
  await client.query('INSERT INTO organizations (id) VALUES ($1)', [org]);
  await client.query(`INSERT INTO users (org_id, id) SELECT $1, 'user' || n FROM generate_series(0, $2::int - 1) n`, [
    org,
    users,
  ]);
  const { rows } = await client.query(THREADS, [org, users, threads, messages / threads]);
  await client.query(MESSAGES, [org, rows.map(({ id }) => id), messages / threads]);
}

/** Two that stand together in a message. */
const twoWords = (words) => [words[0], words.find((word) => word !== words[0])].join(' ');

function makeSearches(url, { large, queries, keys }, database) {
  const pool = openPool(database, `-c app.org_id=${large}`);
  const call = 'SELECT * FROM throughline_search_messages($1, $2, $3, $4, $5, $6, $7)';
  const make = (name, headers, user, all) => ({
    name,
    http: () =>
      loadHttp(
        url,
        queries.map((q) => ({ method: 'GET', path: `/api/messages/search?q=${encodeURIComponent(q)}`, headers })),
        SEARCH_LOAD,
      ),
    direct: () =>
      loadDirect(
        pool,
        queries,
        (q) => ({ name: 'search', text: call, values: [large, user, all, q, ['fts', 'similar'], '{}', 21] }),
        SEARCH_LOAD,
      ),
  });
  return [
    make('a member, 20,000 messages of 400,000', keys.member, 'user1', false),
    make('an admin, 400,000 messages', keys.admin, 'admin', true),
  ];
}

/** The same server over a database in which messages have no words, no trigger and no index of them. */
async function openWithout(pool, database, folder) {
  const name = `search_without_${randomUUID().slice(0, 8)}`;
  await pool.query(`CREATE DATABASE ${name}`);
  const url = new URL(database);
  url.pathname = `/${name}`;
  const server = await startServer(url.toString(), folder);
  const without = openPool(url.toString());
  await without.query(`DROP TRIGGER search_words ON messages; DROP INDEX messages_search_idx;
    ALTER TABLE messages ALTER COLUMN search DROP NOT NULL, ALTER COLUMN owner_id DROP NOT NULL`);
  return { url: server.url, pool: without };
}

async function makeAppends(indexed, plain) {
  const [one, other] = [await makeAppend(indexed), await makeAppend(plain)];
  return [
    { name: 'append over HTTP, with the index against without', indexed: one.http, plain: other.http },
    { name: 'append, the bare statement, with against without', indexed: one.direct, plain: other.direct },
  ];
}

async function makeAppend({ url, pool }) {
  const orgId = `search-append-${randomUUID().slice(0, 8)}`;
  await pool.query('INSERT INTO organizations (id) VALUES ($1)', [orgId]);
  await pool.query(`INSERT INTO users (org_id, id) VALUES ($1, 'user0')`, [orgId]);
  const { rows } = await pool.query(THREADS, [orgId, 1, 200, 0]);
  const ids = rows.map(({ id }) => id);
  const caller = await addKey(pool, orgId, 'member', 'user0');
  const { append, directAppend } = makeRequests({ orgId, userId: 'user0', caller });
  return {
    http: () =>
      loadHttp(
        url,
        ids.map((id) => append(id)),
        APPEND_LOAD,
      ),
    direct: () => loadDirect(pool, ids, directAppend, APPEND_LOAD),
  };
}

/** The scan under the function, as its role runs it: the name of the index, or that there is none. */
async function planOf(pool, { large, queries }) {
  const { rows } = await pool.query(
    `EXPLAIN SELECT id FROM messages m WHERE m.org_id = $1 AND m.owner_id = 'user1' AND m.search @@ websearch_to_tsquery('english', $2)`
      .replace('$1', pg.escapeLiteral(large))
      .replace('$2', pg.escapeLiteral(queries[0])),
  );
  return rows.some((row) => row['QUERY PLAN'].includes('messages_search_idx')) ? 'messages_search_idx' : 'NO INDEX';
}

const over = (samples, read) => median(samples.map(read));

const toRatios = (searches, searched, appends, appended) => [
  ...searches.map(({ name }, i) => ({
    name: `p99 of two words, ${name}, HTTP against the bare function`,
    ratio: over(searched, ({ [i]: [http, direct] }) => http.p99 / direct.p99),
  })),
  ...appends.map(({ name }, i) => ({
    name,
    ratio: over(appended, ({ [i]: [indexed, plain] }) => indexed.rate / plain.rate),
    least: 0.8,
  })),
];

function report(searches, searched, appends, appended, plan) {
  const row = (name, samples, read) => [
    name,
    ...['rate', 'p50', 'p99'].map((key) =>
      over(samples, (sample) => read(sample)[key]).toFixed(key === 'rate' ? 0 : 2),
    ),
  ];
  const kinds = (items, samples, names) =>
    items.flatMap(({ name }, i) =>
      names.map((kind, k) => row(`${name}: ${kind}`, samples, ({ [i]: pair }) => pair[k])),
    );
  const mark = (ratio) =>
    ratio.least === undefined ? ['', ''] : [`at least ${ratio.least}`, passes(ratio) ? 'PASS' : 'FAIL'];
  const ratios = toRatios(searches, searched, appends, appended);
  return `- Date: ${new Date().toISOString()}
- Machine: ${machine()}
- Index in the plan: ${plan}

${table(
  ['Ratio', 'Value', 'Mark', 'Verdict'],
  ratios.map((ratio) => [ratio.name, ratio.ratio.toFixed(2), ...mark(ratio)]),
)}

${table(
  ['Load', 'per second', 'p50 ms', 'p99 ms'],
  [...kinds(searches, searched, ['HTTP', 'function']), ...kinds(appends, appended, ['with', 'without'])],
)}

\`node bench/search.mjs\`: ${LARGE.messages.toLocaleString('en')} messages in one organization beside ${OTHERS.tenants} of ${OTHERS.messages.toLocaleString('en')} each;
${QUERIES} questions of two words that stand together in a message, ${SEARCH_LOAD.connections} callers, ${ROUNDS} rounds in turn. "Function" is the database's own
search called by \`pg\`; HTTP adds the messages and their extracts. Appends: ${APPEND_LOAD.connections} connections, ${APPEND_ROUNDS} rounds in turn, "${MESSAGE.content.length} characters"
(${TOKENS} tokens) each; "without" is a second server over a database without the words, their trigger and their index. Medians of the rounds' ratios.
`;
}
