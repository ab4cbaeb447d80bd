import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres';

const COMPILED = join(__dirname, '../../dist/src/embedded-postgres/embedded-postgres.js');
const asRoot = process.geteuid?.() === 0;

/** A process of its own that starts a server, says which, and stays. */
const OWNER = `
  require(process.argv[1]).startEmbeddedPostgres(JSON.parse(process.argv[2])).then(
    (server) => process.send(server),
    (error) => process.send({ error: error.message }),
  );
  setInterval(() => {}, 1000);
`;

interface Owner {
  readonly process: ChildProcess;
  readonly server: Pick<EmbeddedPostgres, 'url' | 'port' | 'pid' | 'adopted'>;
}

describe('Embedded PostgreSQL', () => {
  let base: string;
  let dataDir: string;
  const servers: EmbeddedPostgres[] = [];
  const processes: ChildProcess[] = [];

  beforeEach(() => {
    base = fs.mkdtempSync(join(tmpdir(), 'embedded-test-'));
    fs.chmodSync(base, 0o755); // As root, PostgreSQL's account has to pass.
    dataDir = join(base, 'data');
  });

  afterEach(async () => {
    for (const child of processes.splice(0)) child.kill('SIGKILL');
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    fs.rmSync(base, { recursive: true, force: true });
  });

  async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dataDir, ...options });
    servers.push(server);
    return server;
  }

  async function startInOwnProcess(options: Partial<EmbeddedOptions> = {}): Promise<Owner> {
    if (!fs.existsSync(COMPILED)) throw new Error(`${COMPILED} is missing: run "npm run build" first.`);
    const args = ['-e', OWNER, COMPILED, JSON.stringify({ dataDir, ...options })];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    processes.push(child);
    const [server] = (await once(child, 'message')) as [Owner['server'] & { error?: string }];
    if (server.error) throw new Error(server.error);
    return { process: child, server };
  }

  async function kill(owner: Owner): Promise<void> {
    owner.process.kill('SIGKILL');
    if (owner.process.exitCode === null && owner.process.signalCode === null) await once(owner.process, 'exit');
  }

  describe('who gets in', () => {
    it('asks everybody for the password, by SCRAM', async () => {
      const { url } = await start();
      const [role] = await query(
        url,
        "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' AS scram FROM pg_authid WHERE rolname = 'throughline'",
      );
      expect(role.scram).toBe(true);
      expect(await query(url, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')).toEqual([
        { auth_method: 'scram-sha-256' },
      ]);
      const wrong = url.replace(/:[^:@/]+@/, ':guess@');
      await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    });

    it('keeps the password in a file that only its owner reads', async () => {
      const { url } = await start();
      const file = join(dataDir, 'password');
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
      expect(new URL(url).password).toBe(fs.readFileSync(file, 'utf8').trim());
      expect(fs.readdirSync(dataDir).sort()).toEqual(['password', 'postgres', 'postgres.log']);
    });

    it('listens on the loopback interface only, whatever the settings say', async () => {
      const settings = { listen_addresses: '*', unix_socket_directories: base, work_mem: '5MB' };
      const { url, port } = await start({ settings });
      expect(await query(url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
      expect(await query(url, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
      expect(await query(url, 'SHOW work_mem')).toEqual([{ work_mem: '5MB' }]);
      const elsewhere = url.replace('127.0.0.1', '127.0.0.2');
      await expect(query(elsewhere, 'SELECT 1')).rejects.toThrow(`127.0.0.2:${port}`);
    });
  });

  describe('a lasting database', () => {
    it('keeps its data over a restart', async () => {
      const first = await start({ database: 'stories' });
      await remember(first.url);
      await Promise.all([first.stop(), first.stop()]);
      await expect(query(first.url, 'SELECT 1')).rejects.toThrow();

      const second = await start({ database: 'stories' });
      expect(second.adopted).toBe(false);
      expect(await recall(second.url)).toBe('Kyoto');
    });

    it('is adopted after kill -9 of the process that started it', async () => {
      const owner = await startInOwnProcess();
      await remember(owner.server.url);
      await kill(owner);

      const server = await start();
      expect(server).toMatchObject({ adopted: true, pid: owner.server.pid, port: owner.server.port });
      expect(await recall(server.url)).toBe('Kyoto');
      await server.stop();
      await expect(query(server.url, 'SELECT 1')).rejects.toThrow();
    });

    it('recovers what was committed after kill -9 of PostgreSQL', async () => {
      const first = await start();
      await remember(first.url);
      process.kill(first.pid, 'SIGKILL');

      const second = await start();
      expect(second.adopted).toBe(false);
      expect(await recall(second.url)).toBe('Kyoto');
    });

    it('is served by one PostgreSQL when two processes start at once', async () => {
      const [a, b] = await Promise.all([startInOwnProcess(), startInOwnProcess()]);
      expect(a.server.pid).toBe(b.server.pid);
      expect([a.server.adopted, b.server.adopted].sort()).toEqual([false, true]);
      await remember(a.server.url);
      expect(await recall(b.server.url)).toBe('Kyoto');
      await start(); // To be stopped with the others.
    });

    it('starts although its old process id belongs to another process of the same user now', async () => {
      await (await start()).stop();
      const { uid, gid } = fs.statSync(join(dataDir, 'postgres'));
      const other = spawn('sleep', ['600'], { cwd: '/', stdio: 'ignore', ...(asRoot && { uid, gid }) });
      processes.push(other);
      fs.writeFileSync(join(dataDir, 'postgres', 'postmaster.pid'), `${other.pid}\n${join(dataDir, 'postgres')}\n`);
      fs.chownSync(join(dataDir, 'postgres', 'postmaster.pid'), uid, gid);

      expect((await start()).adopted).toBe(false);
      expect(other.exitCode ?? other.signalCode).toBeNull();
    });

    it('starts afresh after a first start that was killed half way, and clears what that left', async () => {
      const gone = spawnSync(process.execPath, ['-e', '']).pid;
      const leftover = join(dataDir, `postgres.new-${gone}-0a1b2c3d`);
      fs.mkdirSync(join(leftover, 'cluster'), { recursive: true });
      fs.chmodSync(dataDir, 0o711);

      const { url } = await start();
      await remember(url);
      expect(fs.existsSync(leftover)).toBe(false);
    });

    it('is not replaced by an empty one when its password is gone', async () => {
      await (await start()).stop();
      fs.rmSync(join(dataDir, 'password'));
      await expect(start()).rejects.toThrow('its password is gone');
    });

    it('says why it cannot start, in the words of PostgreSQL', async () => {
      await expect(start({ settings: { work_mem: 'lots' } })).rejects.toThrow(
        'invalid value for parameter "work_mem": "lots"',
      );
    });
  });

  describe('a throw-away database', () => {
    it('is fast instead of durable, and gone after stop()', async () => {
      const server = await start({ throwAway: true });
      const folder = dirname(await dataDirectory(server.url));
      expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
      expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
      await Promise.all([server.stop(), server.stop()]);
      expect(fs.existsSync(folder)).toBe(false);
      await expect(query(server.url, 'SELECT 1')).rejects.toThrow();
      expect(fs.existsSync(dataDir)).toBe(false);
    });

    it('is gone after kill -9 of the process that started it', async () => {
      const owner = await startInOwnProcess({ throwAway: true });
      const folder = dirname(await dataDirectory(owner.server.url));
      await kill(owner);
      await until(() => !fs.existsSync(folder));
      await expect(query(owner.server.url, 'SELECT 1')).rejects.toThrow();
    });

    it('says why it cannot start, and leaves nothing', async () => {
      const failure = start({ throwAway: true, settings: { work_mem: 'lots' } });
      const message = await failure.then(
        () => 'it started',
        (error: Error) => error.message,
      );
      expect(message).toContain('invalid value for parameter "work_mem": "lots"');
      const [folder] = /\/\S*throughline-[0-9a-f]{16}/.exec(message) ?? [];
      expect(folder).toBeDefined();
      expect(fs.existsSync(folder!)).toBe(false);
    });
  });

  (asRoot ? describe : describe.skip)('below a folder that only root may enter', () => {
    let remote: string | undefined;

    afterEach(async () => {
      await Promise.all(servers.splice(0).map((server) => server.stop()));
      if (!remote) return;
      fs.rmSync(remote, { recursive: true });
      if (fs.readdirSync(dirname(remote)).length === 0) fs.rmdirSync(dirname(remote));
    });

    it('keeps the data where PostgreSQL can reach it, says so once, and finds it again', async () => {
      fs.chmodSync(base, 0o700);
      const lines: string[] = [];
      const log = (line: string) => lines.push(line);
      const first = await start({ log });
      remote = fs.readlinkSync(join(dataDir, 'postgres'));
      await remember(first.url);
      await first.stop();

      const second = await start({ log });
      expect(await recall(second.url)).toBe('Kyoto');
      expect(lines.filter((line) => line.includes(`its data is in ${remote}`))).toHaveLength(1);
    });
  });
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

const remember = (url: string) => query(url, `CREATE TABLE city AS SELECT 'Kyoto' AS name`);

async function recall(url: string): Promise<unknown> {
  return (await query(url, 'SELECT name FROM city'))[0]?.name;
}

async function dataDirectory(url: string): Promise<string> {
  return String((await query(url, 'SHOW data_directory'))[0].data_directory);
}

/** Waits as long as the test may take. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}
