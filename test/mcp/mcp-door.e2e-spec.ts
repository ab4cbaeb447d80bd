import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../support/world';
import { waitsForLock } from '../support/world/database';
import { startTestApp } from '../support/world/app';
import { type Client, expectProblem, type Headers } from '../support/world/client';
import { callTool, connectMcp, ERAS, expectToolError } from '../support/world/mcp';

const ACCEPT = { accept: 'application/json, text/event-stream' };

const message = (method: string, params: object = {}, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params });
const toolCall = (name: string, input: object, id?: unknown) => message('tools/call', { name, arguments: input }, id);

describe('The MCP front door', () => {
  const { app } = world();
  let alice: Client;

  beforeAll(async () => {
    alice = (await app.as('acme', 'alice')).with(ACCEPT);
  });

  describe('lets in', () => {
    it('nobody without credentials, or with wrong ones', async () => {
      const key = `tl_${randomUUID().replaceAll('-', '')}_${'A'.repeat(43)}`;
      const wrong = ['', 'Bearer ', `Bearer ${key}`, 'Bearer a.b.c', 'Basic YWxpY2U6', key];
      for (const method of ['POST', 'GET', 'DELETE']) {
        const body = method === 'POST' ? message('tools/list') : undefined;
        const bare = await app.anonymous().with(ACCEPT).send(method, '//mcp', { body });
        expectProblem(bare, 401, 'UNAUTHENTICATED');
        expect(bare.headers['www-authenticate']).toBe('Bearer');
        for (const authorization of wrong) {
          const answer = await app
            .anonymous()
            .with({ ...ACCEPT, authorization })
            .send(method, '//mcp', { body });
          expectProblem(answer, 401);
          expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
        }
      }
      await expect(connectMcp(app.url, app.anonymous())).rejects.toThrow();
    });

    it.each(['member', 'admin', 'service'] as const)('the role %s', async (role) => {
      const client = await connectMcp(app.url, await app.as('acme', `a ${role}`, role));
      expect((await client.listTools()).tools).toHaveLength(8);
      await callTool(client, 'save_memory', { key: 'role', value: role });
      const { rows } = await app.db.query(`SELECT user_id FROM memories WHERE key = 'role' AND value = $1`, [
        `"${role}"`,
      ]);
      expect(rows).toEqual([{ user_id: `a ${role}` }]);
      await client.close();
    });

    it('a service only with the user it acts for', async () => {
      const { authorization } = (await app.as('acme', 'alice', 'service')).headers;
      const answer = await app
        .anonymous()
        .with({ ...ACCEPT, authorization })
        .post('//mcp', message('tools/list'));
      expectProblem(answer, 400, 'USER_ID_REQUIRED');
    });

    it('programs, and pages of this host and this machine, but no other pages', async () => {
      const host = new URL(app.url).hostname;
      const from = (origin: string, headers: Record<string, string> = {}) =>
        alice.post('//mcp', message('tools/list'), { origin, ...headers });
      for (const origin of ['http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:6274', `http://${host}:1`])
        expect((await from(origin)).status).toBe(200);
      expect((await from('https://chat.example', { host: 'chat.example' })).status).toBe(200);
      for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', 'file://', 'nonsense'])
        expectProblem(await from(origin), 403, 'ORIGIN_NOT_ALLOWED');
    });
  });

  it('is one route: POST /mcp', async () => {
    for (const method of ['GET', 'DELETE']) {
      const answer = await alice.send(method, '//mcp');
      expectProblem(answer, 405, 'METHOD_NOT_ALLOWED');
      expect(answer.headers.allow).toBe('POST');
    }
    expectProblem(await alice.put('//mcp', {}), 404, 'ROUTE_NOT_FOUND');
    expectProblem(await alice.post('/mcp', message('tools/list')), 404, 'ROUTE_NOT_FOUND');
  });

  it('answers whole, in JSON, under the id of the request', async () => {
    const answer = await alice.post('//mcp', message('tools/list', {}, 'seven'), { 'x-request-id': 'my-id' });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-request-id': 'my-id' });
    expect(answer.body).toMatchObject({ jsonrpc: '2.0', id: 'seven', result: { tools: expect.any(Array) } });
    const failed = await alice.post('//mcp', toolCall('get_memory', { key: 'nope' }), { 'x-request-id': 'my-id' });
    expect(failed.body.result).toMatchObject({ isError: true, structuredContent: { request_id: 'my-id' } });
    const noted = await alice.post('//mcp', { jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(noted).toMatchObject({ status: 202, text: '' });
  });

  it('refuses what is no message, as any route does', async () => {
    const json = { 'content-type': 'application/json' };
    const send = (raw: string, headers = json) => alice.send('POST', '//mcp', { raw, headers });
    expectProblem(await send('{'), 400, 'INVALID_JSON');
    for (const raw of ['', 'null', '7', '"x"', '[]', JSON.stringify([message('tools/list')])])
      expectProblem(await send(raw), 400, 'ONE_MESSAGE_ONLY');
    expectProblem(await send('{}', { 'content-type': 'text/plain' }), 415, 'JSON_ONLY');
    expectProblem(await send(`"${'x'.repeat(11 * 1024 * 1024)}"`), 413, 'BODY_TOO_LARGE');
    expectProblem(await alice.post('//mcp', toolCall('save_memory', { key: 'k', value: 'a\0b' })), 400, 'INVALID_TEXT');
    for (const body of [{}, { jsonrpc: '1.0' }, message('nope'), message('tools/call'), { ...message('x'), id: {} }]) {
      const answer = await alice.post('//mcp', body);
      expect(answer.body).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } });
      expect(answer.status).toBeLessThan(500);
    }
  });

  it('is counted and timed with the other routes', async () => {
    const admin = await app.as('acme', 'root', 'admin');
    expect((await admin.get('//metrics')).text).toMatch(
      /http_requests_total\{method="POST",route="\/mcp",status="200"\} \d/,
    );
  });

  it('holds no subscriptions', async () => {
    const client = await connectMcp(app.url, alice, 'modern');
    await expect(client.listen({ toolsListChanged: true })).rejects.toThrow();
    await client.close();
  });

  it.each(ERAS)('crosses no answers between 50 tenants that use the same ids at once (%s)', async (era) => {
    const tenants = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const name = `${era}-${i}`;
        return { name, client: await connectMcp(app.url, await app.as(name, 'user'), era) };
      }),
    );
    const crossed: unknown[] = [];
    const story = async ({ name, client }: (typeof tenants)[number]) => {
      for (let round = 0; round < 4; round += 1) {
        const value = `${name} ${round}`;
        await callTool(client, 'save_memory', { key: 'whose', value });
        await callTool(client, 'append_messages', { session_id: 's', messages: [{ role: 'user', content: value }] });
        const [memory, list, context] = await Promise.all([
          callTool(client, 'get_memory', { key: 'whose' }),
          callTool(client, 'list_memories'),
          callTool(client, 'get_context', { session_id: 's', window: 1 }),
        ]);
        const seen = [memory.value, list.data.length, list.data[0].value, context.messages[0].content, context.total];
        if (JSON.stringify(seen) !== JSON.stringify([value, 1, value, value, round + 1])) crossed.push({ value, seen });
      }
    };
    await Promise.all(tenants.map(story));
    expect(crossed).toEqual([]);
    await Promise.all(tenants.map(({ client }) => client.close()));
  });

  it.each(ERAS)('finishes the call that runs when the server stops, and takes no other (%s)', async (era) => {
    const server = await app.second();
    const client = await connectMcp(server.url, await app.as('acme', `stopped ${era}`), era);
    const lock = await app.db.connect();
    await lock.query('BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE');
    const saving = callTool(client, 'save_memory', { key: 'last', value: era });
    await waitsForLock(app.database);
    const closing = server.app.close();
    await sleep(100);
    await lock.query('COMMIT');
    lock.release();
    expect(await saving).toMatchObject({ key: 'last', value: era });
    await closing;
    await expect(callTool(client, 'get_memory', { key: 'last' })).rejects.toThrow();
  });

  it('says that the database is too slow, as an error of the tool', async () => {
    const server = await app.second({ DB_STATEMENT_TIMEOUT_MS: '2000' });
    const client = await connectMcp(server.url, alice);
    const lock = await app.db.connect();
    await lock.query('BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE');
    const problem = await expectToolError(client, 'get_memory', { key: 'x' }, 'STATEMENT_TIMEOUT').finally(async () => {
      await lock.query('ROLLBACK');
      lock.release();
    });
    expect(problem.status).toBe(503);
    await client.close();
  });
});

it('takes the default identity where /api does, and not for pages of other sites', async () => {
  const app = await startTestApp({ DATABASE_URL: undefined });
  const client = await connectMcp(app.url, app.anonymous());
  await callTool(client, 'save_memory', { key: 'name', value: 'Ada' });
  const { rows } = await app.db.query('SELECT org_id, user_id FROM memories');
  expect(rows).toEqual([{ org_id: 'default_org', user_id: 'default_user' }]);
  const ask = (headers: Headers) => app.anonymous().post('//mcp', message('tools/list'), { ...ACCEPT, ...headers });
  expectProblem(await ask({ origin: 'https://evil.example' }), 403, 'CROSS_SITE_REQUEST');
  expectProblem(await ask({ host: 'evil.example', origin: 'http://evil.example' }), 403, 'HOST_NOT_LOOPBACK');
  await client.close();
  await app.close();
});
