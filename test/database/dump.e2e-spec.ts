/**
 * The commands of docs/operations/backup.md and upgrade.md, as they stand there, with the PostgreSQL of this system. Needs a build.
 */
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as Connection, Pool } from 'pg';
import { Agent } from 'undici';
import { packagedMajor } from '../../src/embedded-postgres/binaries';
import { freePort } from '../../src/embedded-postgres/connection';
import { PostgresProcess } from '../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { Client } from '../support/world/client';
import { makeKey } from '../support/world/keys';

const SYSTEM = '/usr/lib/postgresql';
const versions = existsSync(SYSTEM) ? readdirSync(SYSTEM).map(Number) : [];
const version = versions.find((it) => it >= 15 && it <= packagedMajor() && existsSync(`${SYSTEM}/${it}/bin/pg_dump`));
const folderOfPrograms = `${SYSTEM}/${version}/bin`;
const program = (name: string) => join(folderOfPrograms, name);

jest.setTimeout(300_000);

/** The block of commands of a page that begins with a word. */
const block = (page: string, word: string) => {
  const text = readFileSync(join(__dirname, '../../docs/operations', page), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands).find((it) => it.startsWith(word))!;
};

(version ? describe : describe.skip)(`R6 a dump of PostgreSQL ${version}`, () => {
  const agent = new Agent();
  const folder = mkdtempSync(join(tmpdir(), 'throughline-dump-'));
  let source: PostgresProcess;
  let target: PostgresProcess | undefined;
  let server: ServerProcess | undefined;
  let authorization: string;
  let threadId: string;

  const run = (commands: string, env: Record<string, string>) =>
    execFileSync('bash', ['-e', '-c', commands], {
      ...source.account,
      cwd: folder,
      env: { PATH: `${folderOfPrograms}:${process.env.PATH}`, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const start = async (env: Record<string, string>) => {
    server = await startServer(env, folder);
    return new Client(server.url, agent, { authorization });
  };

  beforeAll(async () => {
    const binaries = { folder: folderOfPrograms, postgres: program('postgres'), initdb: program('initdb'), pgCtl: '' };
    source = await PostgresProcess.create({}, undefined, binaries);
    if (source.account) chownSync(folder, source.account.uid, source.account.gid);
    const pool = new Pool({ connectionString: source.url, max: 1 });
    server = await startServer({ DATABASE_URL: source.url }, folder);
    authorization = await makeKey(pool, 'acme', 'root', 'admin');
    await pool.end();
    const client = new Client(server.url, agent, { authorization });
    threadId = (await client.createThread('Kyoto')).id;
    const messages = ['Where is the golden temple?', 'In Kyoto: 金閣寺 🏯', 'it\'s \\ "quoted"\n'].map((content) => ({
      role: 'user',
      content,
    }));
    await client.post(`/threads/${threadId}/messages`, { messages });
    await client.put('/memories/diet', { value: { kind: 'vegetarian' } });
    await client.post('/sessions/trip/messages', { role: 'user', content: 'pack' });
    expect(await server.stop()).toBe(0);
  });
  afterAll(async () => {
    await server?.kill();
    await target?.remove();
    await source.remove();
    await agent.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  const expectAlike = async (client: Client) => {
    const { data } = (await client.get('/messages/search?q=temple')).body;
    expect(data).toHaveLength(1);
    const { body } = await client.post(`/threads/${threadId}/messages`, { role: 'user', content: 'after' });
    expect(body.seq).toBe(4);
  };

  it('R6 restores every row into a fresh cluster, and a server works on it', async () => {
    target = await PostgresProcess.create();
    const env = { DATABASE_URL: source.url, RESTORE_URL: target.url };
    run(block('backup.md', 'pg_dumpall'), env);
    run(block('backup.md', 'psql'), env);
    const before = await contentOf(source.url);
    expect(Object.keys(before).length).toBeGreaterThan(15);
    expect(before.messages.rows).toBe(4);
    expect(await contentOf(target.url)).toEqual(before);
    await expectAlike(await start({ DATABASE_URL: target.url }));
    expect(await server!.stop()).toBe(0);
  });

  (process.env.SOAK === '1' ? it : it.skip)('R6 moves an embedded database of an older major version', async () => {
    const before = await contentOf(source.url);
    await source.stop();
    const [old, data] = [join(folder, 'old'), join(folder, 'new')];
    execFileSync('mkdir', [old]);
    symlinkSync(source.cluster, join(old, 'postgres'));
    writeFileSync(join(old, 'password'), source.password);
    run(block('upgrade.md', 'pg_ctl'), { OLD_DATA_DIR: old, PORT: String(await freePort()) });
    const env = { DATA_DIR: data, NODE_ENV: 'development' };
    await start(env);
    const password = readFileSync(join(data, 'password'), 'utf8').trim();
    execFileSync('chmod', ['644', join(data, 'password')]);
    run(block('upgrade.md', 'NEW_PORT'), { DATA_DIR: data });
    const port = readFileSync(join(data, 'postgres/postmaster.pid'), 'utf8').split('\n')[3];
    expect(await contentOf(`postgresql://throughline:${password}@127.0.0.1:${port}/throughline`)).toEqual(before);
    expect(await server!.stop()).toBe(0);
    await expectAlike(await start(env));
  });
});

/** The number of rows of every table, and a hash of them all. */
async function contentOf(url: string): Promise<Record<string, { rows: number; hash: string }>> {
  const connection = new Connection({ connectionString: url });
  await connection.connect();
  try {
    const tables = await connection.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
    );
    const content: Record<string, { rows: number; hash: string }> = {};
    for (const { name } of tables.rows) {
      const { rows } = await connection.query<{ rows: number; hash: string }>(
        `SELECT count(*)::int AS rows, md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '')) AS hash FROM ${name} t`,
      );
      content[name] = rows[0];
    }
    return content;
  } finally {
    await connection.end();
  }
}
