import { CleanupService } from '../../src/cleanup/cleanup.service';
import { createApp } from '../../src/app.setup';
import { loadConfig } from '../../src/config/config';
import { MetricsServer } from '../../src/metrics/metrics-server.service';
import { startTestApp, type TestApp } from '../support/world/app';
import { eventually } from '../support/world/events';
import { type Client, expectProblem } from '../support/world/client';

describe('operations', () => {
  let app: TestApp;
  let admin: Client;
  let member: Client;

  beforeAll(async () => {
    app = await startTestApp({ DB_POOL_SIZE: '3' });
    admin = await app.as('acme', 'root', 'admin');
    member = await app.as('acme', 'alice');
  });
  afterAll(() => app?.close());

  describe('administration', () => {
    it('F52 P02 N26 shows every setting to admins, and no secret', async () => {
      const { status, body, text } = await admin.get('/admin/config');
      expect(status).toBe(200);
      expect(body).toMatchObject({
        DB_POOL_SIZE: 3,
        DB_MAX_OVERFLOW: 10,
        JWT_SECRET: null,
        database: { kind: 'server' },
      });
      const password = new URL(app.database.url).password;
      expect(password.length).toBeGreaterThan(5);
      expect(text).not.toContain(password);
      expect(body.DATABASE_URL).toContain(new URL(app.database.url).host);
    });

    it('F52 shows nothing to others', async () => {
      expectProblem(await member.get('/admin/config'), 403);
      expectProblem(await app.anonymous().get('/admin/config'), 401);
      expectProblem(await member.post('/admin/cleanup'), 403);
    });

    it('leaves to the admins of a tenant what is theirs, and shows the server to those of OPERATOR_ORG_ID alone', async () => {
      const own = async (client: Client) => [
        (await client.get('/admin/stats')).status,
        (await client.post('/admin/cleanup')).status,
        (await client.get('/admin/search-language')).status,
      ];
      const tenant = await app.as('globex', 'root', 'admin');
      expect([await own(admin), await own(tenant)]).toEqual([
        [200, 200, 200],
        [200, 200, 200],
      ]);
      const nobody = await app.second({ OPERATOR_ORG_ID: undefined });
      for (const client of [tenant, admin.at(nobody.url), tenant.at(nobody.url)]) {
        expectProblem(await client.get('/admin/config'), 403, 'FORBIDDEN');
        expectProblem(await client.get('//metrics'), 403, 'FORBIDDEN');
      }
      expect(await own(admin.at(nobody.url))).toEqual([200, 200, 200]);
    });

    it('X04 C58 removes expired idempotency keys of all organizations, once, however many ask', async () => {
      const insert = (age: string, count: number) =>
        app.db.query(
          `INSERT INTO idempotency_keys (org_id, user_id, key, request_hash, created_at)
           SELECT 'org' || i % 3, 'u', $1 || i, '\\x00', now() - $1::interval FROM generate_series(1, $2) i`,
          [age, count],
        );
      await insert('25 hours', 2500);
      await insert('23 hours', 10);
      const other = await app.second();
      const cleanups = [app, other].map(({ app: nest }) => nest.get(CleanupService, { strict: false }));
      const runs = await Promise.all([...cleanups, ...cleanups].map((cleanup) => cleanup.run()));
      runs.push(await cleanups[0].run());
      expect(runs.reduce((sum, { idempotency_keys }) => sum + idempotency_keys, 0)).toBe(2500);
      const { rows } = await app.db.query('SELECT count(*) FROM idempotency_keys');
      expect(Number(rows[0].count)).toBe(10);
    });

    it('X05 runs on its schedule, unless that is off', async () => {
      const age = `INSERT INTO idempotency_keys (org_id, user_id, key, request_hash, created_at)
        VALUES ('o', 'u', 'scheduled', '\\x00', now() - interval '25 hours')`;
      const left = async () => (await app.db.query(`SELECT FROM idempotency_keys WHERE key = 'scheduled'`)).rowCount;
      await app.db.query(age);
      await app.second({ CLEANUP_ENABLED: 'false', CLEANUP_CRON: '* * * * * *' });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(await left()).toBe(1);
      await app.second({ CLEANUP_ENABLED: 'true', CLEANUP_CRON: '* * * * * *' });
      await eventually(async () => (await left()) === 0);
    });

    it('N28 does not start on a schedule that is none', async () => {
      const config = loadConfig({ DATABASE_URL: app.database.url, LOG_LEVEL: 'silent', CLEANUP_CRON: 'often' });
      await expect(createApp(config, app.database.url)).rejects.toThrow('CLEANUP_CRON');
    });
  });

  describe('metrics', () => {
    it('counts requests by route, for admins', async () => {
      await admin.get('/keys/0190a5c0-0000-7000-8000-000000000000');
      const { status, body, headers } = await admin.get('//metrics');
      expect(status).toBe(200);
      expect(headers['content-type']).toMatch(/^text\/plain/);
      expect(body).toMatch(/http_requests_total\{method="GET",route="\/api\/keys\/:id",status="404"\} \d/);
      expect(body).toMatch(/http_request_duration_seconds_bucket/);
      expect(body).toMatch(/pg_pool_connections [1-9]/);
      expect(body).toMatch(/process_cpu_seconds_total/);
      expectProblem(await member.get('//metrics'), 403);
      expectProblem(await app.anonymous().get('//metrics'), 401);
    });

    it('moves to a port of its own, without a key', async () => {
      const other = await app.second({ METRICS_PORT: '0' });
      const { port } = other.app.get(MetricsServer, { strict: false });
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('http_request_duration_seconds');
      expect((await fetch(`http://127.0.0.1:${port}/api/keys`)).status).toBe(404);
      expectProblem(await admin.at(other.url).get('//metrics'), 404, 'ROUTE_NOT_FOUND');
    });
  });
});
