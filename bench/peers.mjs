import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PostgresChatMessageHistory } from '@langchain/community/stores/message/postgres';
import { HumanMessage } from '@langchain/core/messages';
import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { PostgresStore } from '@mastra/pg';
import { MESSAGE } from './fill.mjs';
import { own, POOL_IDLE_MS, POOL_MAX } from './stage.mjs';

const PACKAGES = ['@mastra/pg', '@langchain/community', '@langchain/langgraph-checkpoint-postgres'];
const RESOURCE = 'caller';
const LAST = 20;

/** What is measured against, with the versions that are installed. */
export const versions = () =>
  PACKAGES.map((name) => {
    const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
  }).join(', ');

/**
 * The peers in this process, each with its own tables in a schema that goes with the program.
 * @param size how many `threads` of how many `messages` are used, and how many there are in `all`
 * @returns for each its threads and calls; a call answers a promise and throws where it did not do what it should
 */
export async function openPeers(pool, connectionString, { threads, messages, all }) {
  const schema = `bench_peers_${randomUUID().slice(0, 8)}`;
  await pool.query(`CREATE SCHEMA ${schema}`);
  own(Promise.resolve(), () => pool.query(`DROP SCHEMA ${schema} CASCADE`));
  const makeIds = (length) => Array.from({ length }, () => randomUUID());
  const place = { pool, connectionString, schema, ids: makeIds(threads), others: makeIds(all - threads), messages };
  const peers = {
    mastra: await openMastra(place),
    langchain: await openLangChain(place),
    langgraph: await openLangGraph(place),
  };
  const tables = ['mastra_messages', 'mastra_threads', 'alone', 'among', 'checkpoints', 'checkpoint_blobs'];
  await pool.query(`VACUUM ANALYZE ${tables.map((name) => `${schema}.${name}`).join(', ')}`);
  return peers;
}

/** Reads as Mastra's own MessageHistory does: without a total. */
async function openMastra({ connectionString, schema, ids, others, messages }) {
  const limits = { max: POOL_MAX, idleTimeoutMillis: POOL_IDLE_MS };
  const store = new PostgresStore({ id: 'bench', connectionString, schemaName: schema, ...limits });
  own(Promise.resolve(), () => store.close());
  await store.init();
  const memory = await store.getStore('memory');
  const text = MESSAGE.content;
  const make = (threadId, createdAt = new Date()) => ({
    id: randomUUID(),
    threadId,
    resourceId: RESOURCE,
    role: MESSAGE.role,
    createdAt,
    content: { format: 2, parts: [{ type: 'text', text }], content: text },
  });
  const begun = Date.now() - 86_400_000;
  const addThread = async (id) => {
    const times = { createdAt: new Date(begun), updatedAt: new Date(begun) };
    await memory.saveThread({ thread: { id, resourceId: RESOURCE, title: 'Bench', metadata: {}, ...times } });
    await memory.saveMessages({ messages: Array.from({ length: messages }, (_, n) => make(id, new Date(begun + n))) });
  };
  await Promise.all([...ids, ...others].map(addThread));
  const orderBy = { field: 'createdAt', direction: 'DESC' };
  return {
    threads: ids,
    append: (threadId) => memory.saveMessages({ messages: [make(threadId)] }),
    async read(threadId) {
      const query = { threadId, resourceId: RESOURCE, page: 0, perPage: LAST, orderBy, includeTotal: false };
      expect((await memory.listMessages(query)).messages, LAST);
    },
  };
}

/**
 * It reads all messages of a thread, so that what is appended goes to another table than what is read; and all those of
 * the table, which has no index by thread, so that there is one with and one without other threads.
 */
async function openLangChain({ pool, schema, ids, others, messages }) {
  const open = (tableName) =>
    ids.map((sessionId) => new PostgresChatMessageHistory({ tableName: `${schema}.${tableName}`, sessionId, pool }));
  const [appended, alone, among] = ['appended', 'alone', 'among'].map(open);
  const make = () => new HumanMessage(MESSAGE.content);
  const addTo = (histories) => Promise.all(histories.map((history) => history.addMessage(make())));
  // Each looks for its table at its first call.
  for (const history of [appended[0], alone[0], among[0]]) await history.ensureTable();
  await addTo(appended);
  for (let n = 0; n < messages; n += 1) await addTo([...alone, ...among]);
  await pool.query(
    `INSERT INTO ${schema}.among (session_id, message) SELECT other, message
     FROM unnest($2::text[]) other, ${schema}.alone WHERE session_id = $1`,
    [ids[0], others],
  );
  const read = (histories) => async (n) => expect(await histories[n].getMessages(), messages);
  return {
    threads: ids.map((_, n) => n),
    append: (n) => appended[n].addMessage(make()),
    read: read(among),
    readAlone: read(alone),
  };
}

/** A checkpoint holds the whole list of messages, whatever is new in it. */
async function openLangGraph({ pool, schema, ids, messages }) {
  const saver = new PostgresSaver(pool, undefined, { schema });
  await saver.setup();
  const list = Array.from({ length: messages }, () => new HumanMessage(MESSAGE.content));
  let version = 0;
  const put = (thread_id) => {
    version += 1;
    const config = { configurable: { thread_id, checkpoint_ns: '' } };
    const changed = { messages: version };
    const values = { channel_values: { messages: list }, channel_versions: changed };
    const checkpoint = { ...emptyCheckpoint(), ...values, id: uuid6(version) };
    return saver.put(config, checkpoint, { source: 'loop', step: version, parents: {} }, changed);
  };
  for (const id of ids) await put(id);
  return {
    threads: ids,
    append: put,
    async read(thread_id) {
      const tuple = await saver.getTuple({ configurable: { thread_id } });
      expect(tuple.checkpoint.channel_values.messages, messages);
    },
  };
}

function expect(list, length) {
  if (list.length !== length) throw new Error(`A peer answered ${list.length} messages instead of ${length}`);
}
