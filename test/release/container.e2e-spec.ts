/** The image and docker-compose.yml: what they forbid, and that the server works all the same. Needs a build. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { Agent } from 'undici';
import { loadConfig } from '../../src/config/config';
import { startServer } from '../support/servers/server-process';
import { Client } from '../support/world/client';
import { cloneDatabase } from '../support/world/database';
import { makeKey } from '../support/world/keys';

interface Service {
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  privileged?: boolean;
  security_opt?: string[];
  tmpfs?: string[];
  mem_limit?: string;
  stop_grace_period?: string;
  ports?: string[];
}

const ROOT = join(__dirname, '../..');

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const { services } = load(read('docker-compose.yml')) as { services: Record<string, Service> };

/**
 * As `read_only`, `tmpfs`, `cap_drop`, `no-new-privileges` and a user that is not root make it, without Docker. A checkout below
 * /tmp is brought back into the empty one.
 */
const CONFINED = [
  ...['unshare', '--mount', 'sh', '-c'],
  `cd '${ROOT}' && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp &&
    if [ ! -e '${ROOT}' ]; then mkdir -p '${ROOT}' && mount --no-canonicalize --bind . '${ROOT}'; fi && cd / && exec "$0" "$@"`,
  ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--no-new-privs'],
];
const canConfine =
  spawnSync(CONFINED[0], [...CONFINED.slice(1), 'sh', '-c', '! touch /var/tmp/confined 2>/dev/null']).status === 0;

describe('The container', () => {
  it.each(Object.entries(services))(
    '%s has a read-only root, no capabilities, no way to new ones, and a limit of memory',
    (_, service) => {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect([service.cap_add, service.privileged]).toEqual([undefined, undefined]);
      expect(service.tmpfs).toContain('/tmp');
      expect(service.mem_limit).toMatch(/^\$\{\w+:-\d+g\}$/);
    },
  );

  it('runs nothing as root, and is open to this machine only', () => {
    const lastStage = read('Dockerfile')
      .split(/^FROM /m)
      .at(-1)!;
    expect(lastStage.match(/^USER (.*)$/gm)).toEqual(['USER node']);
    expect(services.server.user).toBeUndefined();
    expect(services.postgres).toMatchObject({ user: 'postgres', tmpfs: ['/tmp', '/run/postgresql'] });
    expect(services.postgres.ports).toBeUndefined();
    expect(services.server.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
  });

  it('has the time to stop that the server takes at most', () => {
    const { delayMs, graceMs } = loadConfig({ NODE_ENV: 'production', DATABASE_URL: 'postgresql://u@h/d' }).shutdown;
    expect(Number.parseInt(services.server.stop_grace_period!) * 1000).toBeGreaterThan(delayMs + graceMs + 5000);
  });

  (canConfine ? it : it.skip)('serves with a read-only root, as nobody, without capabilities', async () => {
    const agent = new Agent();
    const database = await cloneDatabase();
    const env = { DATABASE_URL: database.url, WORKERS: '2' };
    const server = await startServer(env, '/', undefined, CONFINED);
    try {
      const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t65534\t65534\t/m);
      expect(status).toMatch(/^CapBnd:\t0+$/m);
      const admin = new Client(server.url, agent, {
        authorization: await makeKey(database.pool, 'acme', 'root', 'admin'),
      });
      const { id } = await admin.createThread('Kyoto');
      expect((await admin.post(`/threads/${id}/messages`, { role: 'user', content: 'temple' })).status).toBe(201);
      expect((await admin.get('/threads/export?format=ndjson')).status).toBe(200);
      expect(await server.stop()).toBe(0);
    } finally {
      await server.kill();
      await agent.destroy();
      await database.drop();
    }
  });
});
