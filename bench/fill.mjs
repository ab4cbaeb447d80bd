import { randomUUID } from 'node:crypto';
import { built, own } from './stage.mjs';

const TEXT =
  'Find me a quiet hotel in Tokyo, close to Ueno station, for three nights in April, and tell me what it costs.';
export const MESSAGE = { role: 'user', content: TEXT };
export const TOKENS = 26;
/** Threads that are appended to and read from, and their messages. */
export const BUSY = { threads: 200, messages: 30 };
/** Threads that are appended to in batches, over HTTP and by COPY. */
export const BULK_THREADS = 1000;
/** Of such messages, 4,000 tokens are the last 30. */
const REPEATS = 5;

/** A UUIDv7 as the server makes them, in SQL that PostgreSQL 15 has too; `time` is a timestamptz expression. */
const v7 = (time) => `(lpad(to_hex((extract(epoch FROM ${time}) * 1000)::bigint), 12, '0') || '7' ||
  overlay(right(replace(gen_random_uuid()::text, '-', ''), 19) placing 'a' from 4 for 1))::uuid`;

const THREADS = `
  INSERT INTO threads (org_id, id, user_id, name, last_seq, message_count, token_count, created_at, updated_at)
  SELECT $1, ${v7('at')}, $2, 'Thread ' || n, $4::int, $4::int, $4::int * $5::int, at, at
  FROM generate_series(1, $3::int) n, LATERAL (SELECT now() - interval '1 day' + n * interval '1 ms' AS at) times
  RETURNING id`;

const MESSAGES = `
  INSERT INTO messages (org_id, thread_id, seq, id, role, content, token_count, created_at, updated_at)
  SELECT $1, t, n, ${v7('at')}, 'user', jsonb_build_object('type', 'text', 'text', $4::text), $5::int, at, at
  FROM unnest($2::uuid[]) t, generate_series(1, $3::int) n,
    LATERAL (SELECT now() - interval '1 day' + n * interval '1 ms' AS at) times`;

/**
 * Fills the database with set-based statements.
 * @returns `busy`, `huge`, `long`, `short` and `growing`: threads by their number of messages; `contexts`: the same, of
 *   longer messages; `bulk`: empty ones for batches and for COPY; `lists`: whose list is how long
 */
export async function fill(pool) {
  const suffix = randomUUID().slice(0, 8);
  const [main, large, small] = ['main', 'large', 'small'].map((name) => `bench-${name}-${suffix}`);
  own(Promise.resolve(), () => removeOrganizations(pool, [main, large, small]));
  await addUsers(pool, [main, 'caller'], [large, 'heavy'], [large, 'light'], [small, 'light']);
  const threads = (messages, count, repeats) => addThreads(pool, [main, 'caller'], { count, messages, repeats });
  const filled = {
    orgId: main,
    userId: 'caller',
    caller: await addKey(pool, main, 'member', 'caller'),
    busy: await threads(BUSY.messages, BUSY.threads),
    huge: await threads(100_000, 2),
    long: await threads(10_000, 10),
    short: await threads(10, 10),
    // So many that none of them grows much while they are appended to.
    growing: await threads(10, 100),
    bulk: { http: await threads(0, BULK_THREADS), copy: await threads(0, BULK_THREADS) },
    contexts: { long: await threads(10_000, 3, REPEATS), short: await threads(30, 3, REPEATS) },
  };
  await addThreads(pool, [large, 'heavy'], { count: 100_000, messages: 0 });
  await addThreads(pool, [large, 'light'], { count: 100, messages: 0 });
  await addThreads(pool, [small, 'light'], { count: 100, messages: 0 });
  const lists = {
    heavyMember: await addKey(pool, large, 'member', 'heavy'),
    lightMember: await addKey(pool, large, 'member', 'light'),
    largeAdmin: await addKey(pool, large, 'admin', 'admin'),
    smallAdmin: await addKey(pool, small, 'admin', 'admin'),
  };
  await pool.query('VACUUM ANALYZE threads, messages');
  await pool.query('CHECKPOINT');
  return { ...filled, lists };
}

async function addUsers(pool, ...users) {
  for (const [org, user] of users) {
    await pool.query('INSERT INTO organizations (id) VALUES ($1) ON CONFLICT DO NOTHING', [org]);
    await pool.query('INSERT INTO users (org_id, id) VALUES ($1, $2)', [org, user]);
  }
}

async function addThreads(pool, [org, user], { count, messages, repeats = 1 }) {
  const tokens = TOKENS * repeats;
  const { rows } = await pool.query(THREADS, [org, user, count, messages, tokens]);
  const ids = rows.map(({ id }) => id);
  if (messages > 0) await pool.query(MESSAGES, [org, ids, messages, `${TEXT} `.repeat(repeats).trim(), tokens]);
  return ids;
}

/** @returns the headers of its bearer */
export async function addKey(pool, org, role, user) {
  const { formatKey, hashSecret, newSecret } = built('./auth/api-keys/api-key.js');
  const key = { id: randomUUID(), secret: newSecret() };
  await pool.query(
    `INSERT INTO api_keys (org_id, id, name, role, user_id, secret_hash) VALUES ($1, $2, 'bench', $3, $4, $5)`,
    [org, key.id, role, user, hashSecret(key.secret)],
  );
  return { authorization: `Bearer ${formatKey(key)}` };
}

/** Matters only to a database that stays. */
async function removeOrganizations(pool, orgs) {
  if (!process.env.BENCH_DATABASE_URL) return;
  for (const table of ['messages', 'threads']) await pool.query(`DELETE FROM ${table} WHERE org_id = ANY($1)`, [orgs]);
  await pool.query('DELETE FROM organizations WHERE id = ANY($1)', [orgs]);
}
