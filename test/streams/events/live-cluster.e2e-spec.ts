import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { Client } from '../../support/world/client';
import { cloneDatabase, type TestDatabase } from '../../support/world/database';
import { follow, type LiveConnection } from '../../support/world/events';
import { makeKey } from '../../support/world/keys';
import { PostgresProcess } from '../../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../../support/servers/server-process';

jest.setTimeout(300_000);

const WRITERS = 20;
const MESSAGES = 30;

/** Live events over processes that are killed. */
describe('Live events of a cluster', () => {
  const servers = new Set<ServerProcess>();
  const agent = new Agent({ connections: 64 });
  afterEach(async () => {
    await Promise.all([...servers].map((server) => server.kill()));
    servers.clear();
  });
  afterAll(() => agent.destroy());

  const start = async (url: string, env: Record<string, string> = {}) => {
    const server = await startServer({ DATABASE_URL: url, DB_POOL_SIZE: '8', ...env });
    servers.add(server);
    return server;
  };

  /** Follows as a browser does: when the connection ends, it goes on behind the last event, at whichever server there is. */
  class Reader {
    readonly seqs: number[] = [];
    readonly texts: string[] = [];
    /** Connections that ended. */
    breaks = 0;
    private lastEventId?: string;
    private done = false;
    private connection?: LiveConnection;
    readonly running: Promise<void>;

    constructor(client: Client, urls: (attempt: number) => string, path: string) {
      this.running = this.run(client, urls, path);
    }

    get isReady(): boolean {
      return this.lastEventId !== undefined;
    }

    async stop(): Promise<void> {
      this.done = true;
      this.connection?.leave();
      await this.running;
    }

    private async run(client: Client, urls: (attempt: number) => string, path: string): Promise<void> {
      for (let attempt = 0; !this.done; attempt += 1) {
        this.connection = follow(client, urls(attempt), path, { lastEventId: this.lastEventId });
        const { connection } = this;
        let taken = 0;
        const take = () => {
          for (; taken < connection.events.length; taken += 1) this.take(connection.events[taken]);
          this.lastEventId = connection.lastEventId ?? this.lastEventId;
        };
        while (!connection.closed && !this.done) {
          take();
          await sleep(5);
        }
        take();
        this.breaks += 1;
        if (!this.done) await sleep(20);
      }
    }

    private take({ event, data }: { event: string; data: any }): void {
      if (event !== 'appended') return;
      this.seqs.push(data.message.seq);
      this.texts.push(data.message.content.text);
    }
  }

  const until = async (condition: () => boolean, what: () => string) => {
    const deadline = Date.now() + 120_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`Not within two minutes: ${what()}`);
      await sleep(20);
    }
  };

  /** Sends each message until it is stored, as a client does that gives it an id: which server takes it is all the same. */
  const write = async (client: Client, urls: () => string[], threadId: string, writer: number) => {
    for (let number = 0; number < MESSAGES; number += 1) {
      const id = `00000000-0000-4000-8000-${String(writer * 1000 + number).padStart(12, '0')}`;
      const message = { id, role: 'user', content: `${writer}/${number}` };
      for (let attempt = 0; ; attempt += 1) {
        const all = urls();
        const answer = await client
          .at(all[(writer + number + attempt) % all.length])
          .post(`/threads/${threadId}/messages`, message)
          .catch(() => undefined);
        if (answer?.status === 201 || answer?.status === 200) break;
        if (attempt > 500) throw new Error(`${answer?.status} ${answer?.text}`);
        await sleep(50);
      }
    }
  };

  const all = Array.from({ length: WRITERS }, (_, writer) =>
    Array.from({ length: MESSAGES }, (_, number) => `${writer}/${number}`),
  ).flat();

  describe('over one database', () => {
    let database: TestDatabase;
    beforeEach(async () => (database = await cloneDatabase()));
    afterEach(() => database.drop());

    it('N33 20 writers on two instances, one killed and started again: every reader gets each message once, in order', async () => {
      const authorization = await makeKey(database.pool, 'acme', 'alice', 'member');
      const [first, second] = await Promise.all([start(database.url), start(database.url)]);
      let urls = [first.url, second.url];
      const alice = new Client(first.url, agent, { authorization });
      const { id } = await alice.createThread();
      const path = `/threads/${id}/events`;
      const readers = [
        new Reader(alice, () => second.url, path),
        new Reader(alice, (attempt) => urls[attempt % urls.length], path),
        new Reader(alice, (attempt) => urls[(attempt + 1) % urls.length], `${path}?from_seq=1`),
      ];
      await until(
        () => readers.every(({ isReady }) => isReady),
        () => 'all readers follow',
      );
      const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(alice, () => urls, id, writer)));
      const progress = () => readers.map(({ seqs, breaks }) => `${seqs.length} (${breaks})`).join(', ');
      await until(() => readers[0].seqs.length > all.length / 10, progress);
      await first.kill();
      expect(first.process.signalCode).toBe('SIGKILL');
      await until(() => readers[0].seqs.length > all.length / 3, progress);
      urls = [second.url, (await start(database.url)).url];
      await writing;
      await until(() => readers.every(({ seqs }) => seqs.length >= all.length), progress);
      await Promise.all(readers.map((reader) => reader.stop()));

      const { rows } = await database.pool.query('SELECT seq FROM messages WHERE thread_id = $1 ORDER BY seq', [id]);
      const stored = rows.map(({ seq }) => Number(seq));
      for (const reader of readers) {
        expect(reader.seqs).toEqual(stored);
        expect([...reader.texts].sort()).toEqual([...all].sort());
      }
      // Those who followed at the killed one have come back.
      expect(readers.filter(({ breaks }) => breaks > 1).length).toBeGreaterThan(0);
    });

    it('N33 the end of service lets the clients go, at once, and is not held up by them', async () => {
      const authorization = await makeKey(database.pool, 'acme', 'alice', 'member');
      const server = await start(database.url, { SHUTDOWN_GRACE_MS: '200000' });
      const alice = new Client(server.url, agent, { authorization });
      const { id } = await alice.createThread();
      const live = follow(alice, server.url, `/threads/${id}/events`);
      await live.until(() => live.named('ready').length === 1);
      expect(await server.stop()).toBe(0);
      await until(
        () => live.closed,
        () => 'the stream is over',
      );
      // No `end`: the client is to come back.
      expect(live.events.map(({ event }) => event)).toEqual(['ready']);
      expect(server.output).not.toContain('their connections are cut');
    });
  });

  it('N33 a stream outlives an outage of the database, and misses nothing', async () => {
    const postgres = await PostgresProcess.create();
    try {
      const server = await start(postgres.url);
      const db = new Pool({ connectionString: postgres.url, max: 1 });
      db.on('error', () => undefined);
      const authorization = await makeKey(db, 'acme', 'alice', 'member');
      await db.end();
      const alice = new Client(server.url, agent, { authorization });
      const { id } = await alice.createThread();
      const live = follow(alice, server.url, `/threads/${id}/events`);
      await live.until(() => live.named('ready').length === 1);
      await alice.addMessage(id, 'before');
      await postgres.kill();
      expect((await alice.get(`/threads/${id}`)).status).toBe(503);
      await postgres.start();
      await server.ready();
      await alice.addMessage(id, 'after');
      await live.until(() => live.named('appended').length === 2);
      expect(live.named('appended').map(({ message }) => message.content.text)).toEqual(['before', 'after']);
      expect(live.closed).toBe(false);
      live.leave();
    } finally {
      await Promise.all([...servers].map((server) => server.kill()));
      await postgres.remove();
    }
  });
});
