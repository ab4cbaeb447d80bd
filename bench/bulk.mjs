import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { MESSAGE, TOKENS } from './fill.mjs';
import { sendAll } from './load.mjs';
import { makeRequests } from './requests.mjs';
import { built } from './stage.mjs';

const BATCH = 100;
const CONNECTIONS = 8;
const LINES_A_CHUNK = 500;

const COPY = `COPY messages (org_id, thread_id, seq, id, role, content, token_count, created_at, updated_at) FROM STDIN`;

/** What an append writes on its thread; not a part of the COPY that is measured. */
const COUNT = `UPDATE threads SET last_seq = last_seq + $3, message_count = message_count + $3,
  token_count = token_count + $3 * $4::int WHERE org_id = $1 AND id = ANY($2)`;

/**
 * Batches over HTTP, and COPY of the same rows into the same table for other threads, with its triggers and indexes.
 * Each run goes on with the next `share` threads; its rate is in messages a second.
 */
export function makeBulk(url, pool, filled, share) {
  const { appendBatch } = makeRequests(filled);
  const [nextForHttp, nextForCopy] = [filled.bulk.http, filled.bulk.copy].map((ids) => turns(ids, share));
  return {
    async http() {
      const requests = nextForHttp().ids.map((id) => appendBatch(id, BATCH));
      const load = await sendAll(url, requests, { connections: CONNECTIONS });
      return { ...load, rate: load.rate * BATCH };
    },
    async copy() {
      const { ids, turn } = nextForCopy();
      const chunks = makeChunks(filled.orgId, ids, turn * BATCH);
      const ms = await copyInto(pool, chunks);
      await pool.query(COUNT, [filled.orgId, ids, BATCH, TOKENS]);
      return { rate: ((ids.length * BATCH) / ms) * 1000 };
    },
  };
}

/** The list in parts, again and again; `turn` says how many times it has been gone through. */
function turns(list, share) {
  let taken = 0;
  return () => {
    const [turn, place] = [Math.floor(taken / list.length), taken % list.length];
    const ids = list.slice(place, place + share);
    taken += ids.length;
    return { ids, turn };
  };
}

function makeChunks(orgId, ids, after) {
  const { newId } = built('./common/ids.js');
  const content = JSON.stringify({ type: 'text', text: MESSAGE.content });
  const now = new Date().toISOString();
  const line = (id, seq) => [orgId, id, seq, newId(), MESSAGE.role, content, TOKENS, now, now].join('\t');
  const lines = ids.flatMap((id) => Array.from({ length: BATCH }, (_, n) => line(id, after + n + 1)));
  const chunks = [];
  for (let i = 0; i < lines.length; i += LINES_A_CHUNK) {
    chunks.push(Buffer.from(`${lines.slice(i, i + LINES_A_CHUNK).join('\n')}\n`));
  }
  return chunks;
}

async function copyInto(pool, chunks) {
  const client = await pool.connect();
  try {
    const started = performance.now();
    await pipeline(Readable.from(chunks), client.query(copyFrom(COPY)));
    return performance.now() - started;
  } finally {
    client.release();
  }
}
