import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { createApp } from '../../src/app.setup';
import { makeLogger } from '../../src/http/server/logger';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { lookUp } from '../support/api/openapi';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('the shell', () => {
  let app: TestApp;
  let admin: Client;
  let member: Client;

  beforeAll(async () => {
    app = await startTestApp({ DB_POOL_SIZE: '3' });
    admin = await app.as('acme', 'root', 'admin');
    member = await app.as('acme', 'alice');
  });
  afterAll(() => app?.close());

  /** A body as it is, to a route that anybody with a key reaches. */
  const post = (raw: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
    admin.send('POST', '/admin/cleanup', { raw, headers });

  describe('health', () => {
    it('N43 X10 answers without credentials', async () => {
      const { status, body } = await app.anonymous().get('/health');
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { status: 'healthy', service: 'throughline', database: 'up', version: expect.stringMatching(/^\d/) },
      });
      expect((await app.anonymous().get('/health/live')).body).toEqual({ status: 'alive' });
      expect((await app.anonymous().get('/health/ready')).body).toEqual({ status: 'ready' });
      expect((await app.anonymous().send('HEAD', '/health')).status).toBe(200);
    });

    it('X10 answers many probes at once with one query', async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => app.anonymous().get('/health')));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    });
  });

  describe('bodies', () => {
    it('X08 refuses 11 MB with 413, and serves the next request', async () => {
      const large = JSON.stringify({ text: 'x'.repeat(11 * 1024 * 1024) });
      const answer = await post(large).catch((error: unknown) => error as Error);
      // The server stops reading; the client may notice that before it reads the answer.
      if (!(answer instanceof Error)) expectProblem(answer, 413, 'BODY_TOO_LARGE');
      expect((await post('')).status).toBe(200);
    });

    it('X08 says 413 as a problem document to a client that announces its length', async () => {
      const answer = await speak(
        `POST /api/admin/cleanup HTTP/1.1\r\nhost: x\r\nauthorization: ${admin.headers.authorization}\r\n` +
          `content-type: application/json\r\ncontent-length: 11534336\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1.1 413 /);
      expect(answer).toContain('application/problem+json');
    });

    it.each([
      ['C23 NUL in a text', '{"a":"x\\u0000"}', 'INVALID_TEXT'],
      ['C23 NUL in a key', '{"x\\u0000":1}', 'INVALID_TEXT'],
      ['C23 a lone surrogate', '{"a":["\\ud800"]}', 'INVALID_TEXT'],
      ['C23 bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'INVALID_JSON'],
      ['text that is not JSON', '{"a":', 'INVALID_JSON'],
      ['a __proto__ key', '{"a":{"__proto__":{"admin":true}}}', 'INVALID_JSON'],
      ['an escaped __proto__ key', '{"\\u005f_proto__":{"admin":true}}', 'INVALID_JSON'],
      ['a constructor.prototype key', '{"constructor":{"prototype":{"admin":true}}}', 'INVALID_JSON'],
      ['a number beyond a double', '{"a":1e999}', 'INVALID_NUMBER'],
      ['nesting of 10,000', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'TOO_DEEP'],
      ['nesting of 500,000', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, 'TOO_DEEP'],
    ])('answers 400 for %s', async (_name, raw, code) => {
      expectProblem(await post(raw), 400, code);
    });

    it('never repeats a body that it cannot parse', async () => {
      expect((await post('{"secret":"SECRET123"')).text).not.toContain('SECRET123');
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
      'refuses %s with 415',
      async (type) => expectProblem(await post('a=b', { 'content-type': type }), 415, 'JSON_ONLY'),
    );

    it('refuses a body without a type', async () => {
      expectProblem(await admin.send('POST', '/admin/cleanup', { raw: Buffer.from('{}') }), 415, 'JSON_ONLY');
    });

    it('takes an empty body of any type for none', async () => {
      expect((await post('')).status).toBe(200);
      expect((await post('', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(200);
      expect((await admin.post('/admin/cleanup')).status).toBe(200);
      expect(
        (
          await admin.send('POST', '/admin/cleanup', {
            raw: '{}',
            headers: { 'content-type': 'application/merge-patch+json' },
          })
        ).status,
      ).toBe(200);
    });
  });

  describe('requests', () => {
    it("answers the caller's X-Request-Id, and makes one where it is none", async () => {
      const ask = (id: string) => member.get('/health', { headers: { 'x-request-id': id } });
      expect((await ask('trace-1.2_3')).headers['x-request-id']).toBe('trace-1.2_3');
      for (const bad of ['a b', 'x'.repeat(129), 'ä', '{}']) {
        expect((await ask(bad)).headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      }
      const lost = await member.get('/nowhere', { headers: { 'x-request-id': 'lost' } });
      expect(lost.headers['x-request-id']).toBe('lost');
      expect(lost.body.request_id).toBe('lost');
    });

    it('answers 404 for a route that is not there, by any method', async () => {
      for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) {
        expectProblem(await member.send(method, '/nowhere'), 404, 'ROUTE_NOT_FOUND');
      }
      expectProblem(await member.get('//nowhere'), 404, 'ROUTE_NOT_FOUND');
      expectProblem(await member.post('//'), 404, 'ROUTE_NOT_FOUND');
      expectProblem(await member.delete('/health'), 404, 'ROUTE_NOT_FOUND');
    });

    it('X09 answers 400 for a malformed path and an over-long parameter', async () => {
      expectProblem(await member.get('/keys/%zz'), 400);
      expectProblem(await admin.get('/keys/%00'), 400, 'INVALID_ID');
      expectProblem(await admin.get(`/keys/${'x'.repeat(3000)}`), 400);
    });

    it('answers bytes that are no HTTP with a problem document', async () => {
      const answer = await speak('HELLO\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toMatch(/content-type: application\/problem\+json/);
      expect(JSON.parse(answer.split('\r\n\r\n')[1])).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
      const headers = `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`;
      expect(await speak(headers)).toMatch(/^HTTP\/1.1 431 /);
    });

    it.each([
      ['GET /api/health', 'content-length: 100000', 200],
      ['GET /api/threads', 'content-length: 100000', 401],
      ['POST /api/threads/import', 'content-type: application/x-ndjson\r\ntransfer-encoding: chunked', 401],
    ])('X08 hangs up on a body that drips in behind its answer: %s', async (route, header, status) => {
      const { hostname, port } = new URL(app.url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.on('data', (data) => (answer += data.toString()));
      socket.on('error', () => undefined);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(`${route} HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`);
      const drip = setInterval(() => socket.write(header.endsWith('chunked') ? '1\r\n \r\n' : ' '), 200);
      await closed;
      clearInterval(drip);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toMatch(/^connection: close\r$/im);
    });

    it('tells browsers on every answer to load nothing, guess nothing and frame nothing; no cache keeps the API', async () => {
      const answers = await Promise.all([
        member.get('/threads'),
        member.post('/threads', { name: 'x' }),
        member.get('/nowhere'),
        app.anonymous().get('/threads'),
        member.get('/keys/%zz'),
        app.anonymous().get('/docs-json'),
        app.anonymous().get('//'),
      ]);
      for (const { headers } of answers) {
        expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
        expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      }
      expect(answers.slice(0, 4).map(({ headers }) => headers['cache-control'])).toEqual(Array(4).fill('no-store'));
      expect(await speak('HELLO\r\n\r\n')).toContain('x-content-type-options: nosniff');
    });

    it('says of a route that is none nothing but that, also to DELETE', async () => {
      const { body } = await member.delete('/unknown');
      expect([body.code, body.deleted]).toEqual(['ROUTE_NOT_FOUND', undefined]);
      expect((await member.delete('/threads/0190a5c0-0000-7000-8000-000000000000')).body.deleted).toBe(false);
    });

    it('sends no CORS headers', async () => {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'GET' };
      const answer = await member.send('OPTIONS', '/health', { headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    });
  });

  describe('the log', () => {
    it('X12 P49 has one line a request, without body, query, URL or secret', async () => {
      let log = '';
      const stream = new Writable({ write: (chunk, _encoding, done) => ((log += chunk), done()) });
      const logged = await createApp(app.config, app.database.url, { logger: makeLogger('info', stream) });
      try {
        await logged.listen(0, '127.0.0.1');
        const client = admin.at(await logged.getUrl());
        await client.post('/keys', { name: 'SECRET123', role: 'member', user_id: 'bob' }, { 'x-request-id': 'r-1' });
        await client.get('/keys', { query: { after: 'SECRET123' } });
        await client.get('/keys/SECRET123');
        await client.get('/SECRET123');
      } finally {
        await logged.close();
      }
      const lines = log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const requests = lines.filter(({ msg }) => msg === 'request');
      expect(requests).toHaveLength(4);
      expect(requests[0]).toMatchObject({
        request_id: 'r-1',
        method: 'POST',
        route: '/api/keys',
        org: 'acme',
        user: 'root',
      });
      expect(requests.map(({ route }) => route)).toEqual(['/api/keys', '/api/keys', '/api/keys/:id', 'unmatched']);
      expect(log).not.toContain('SECRET123');
      expect(log).not.toContain(admin.headers.authorization.slice(7));
    });

    it('X12 hides credentials in whatever is logged', () => {
      let log = '';
      const stream = new Writable({ write: (chunk, _encoding, done) => ((log += chunk), done()) });
      const headers = { authorization: 'Bearer tl_secret', cookie: 'tl_secret' };
      const logger = makeLogger('info', stream);
      logger.info({ headers, request: { headers }, ...headers });
      expect(log).toContain('***');
      expect(log).not.toContain('tl_secret');
    });
  });

  describe('the root', () => {
    const LINKS = ['/api/docs', '/api/docs-json', '/api/health'];

    it('tells programs what runs here, without credentials', async () => {
      const { status, headers, body } = await app.anonymous().get('//');
      expect([status, headers['content-type'], headers.vary]).toEqual([200, expect.stringMatching(/json/), 'accept']);
      expect(body).toMatchObject({ name: 'throughline', version: expect.stringMatching(/^\d/) });
      expect(Object.values(body.links)).toEqual(LINKS);
      for (const link of LINKS) expect((await app.anonymous().get(`/${link}`)).status).toBe(200);
    });

    it('is a page for browsers, which loads nothing', async () => {
      const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
      const { status, headers, text } = await app.anonymous().get('//', { headers: { accept } });
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      for (const link of LINKS) expect(text).toContain(`href="${link}"`);
      expect(text).not.toMatch(/https?:|<script|<img|<link|style=/);
      const style = /<style>([^]*)<\/style>/.exec(text)![1];
      const hash = createHash('sha256').update(style).digest('base64');
      expect(headers['content-security-policy']).toContain(`default-src 'none'; style-src 'sha256-${hash}';`);
    });
  });

  describe('the reference', () => {
    it('X11 lists every route with its problems', async () => {
      const { status, body } = await app.anonymous().get('/docs-json');
      expect(status).toBe(200);
      const operations = Object.entries<any>(body.paths).flatMap(([path, item]) =>
        Object.entries<any>(item).map(([method, operation]) => ({ path, method, ...operation })),
      );
      expect(operations.length).toBeGreaterThan(8);
      const ids = operations.map(({ operationId }) => operationId);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { path, responses, security } of operations) {
        expect(Object.keys(responses)).toContain('503');
        const hasIdentity = path.startsWith('/api/health') ? undefined : '401';
        const denial = hasIdentity && lookUp(body, responses[hasIdentity].$ref);
        if (hasIdentity) expect(denial).toMatchObject({ content: { 'application/problem+json': expect.anything() } });
        expect(Boolean(security)).toBe(Boolean(hasIdentity));
      }
      expect(body.components.schemas.Problem.required).toContain('code');
      expect(body.tags.at(-1).description).toContain('`VERSION_CONFLICT` | 409');
    });

    it('X11 serves the page, with all that it loads, under a policy that allows nothing else', async () => {
      const page = await app.anonymous().get('/docs');
      expect(page.status).toBe(200);
      expect(page.headers['content-type']).toMatch(/text\/html/);
      expect(page.headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';/,
      );
      expect(page.text).not.toMatch(/https?:|<style|style=|<script>|\son\w+=/);
      const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
      expect(files).toHaveLength(5);
      for (const file of files) {
        const { status, headers } = await app.anonymous().get(`/${file}`);
        expect([file, status, headers['x-content-type-options']]).toEqual([file, 200, 'nosniff']);
      }
      expect((await app.anonymous().get('/docs/')).headers.location).toBe('../docs');
      expect((await app.anonymous().get('/docs/package.json')).status).toBe(404);
    });

    it('keeps no key in the browser, and is off where it is not wanted', async () => {
      expect((await app.anonymous().get('/docs/reference.js')).text).toContain('persistAuthorization: false');
      const other = (await app.second({ API_REFERENCE: 'off' })).anonymous();
      for (const path of ['/docs', '/docs/', '/docs-json', '/docs/reference.js', '/docs/swagger-ui-bundle.js']) {
        expectProblem(await other.get(path), 404, 'ROUTE_NOT_FOUND');
      }
      expect((await other.get('//')).body.links).toEqual({ health: '/api/health' });
    });

    it('X11 has the first call in front, and the error codes behind the operations', async () => {
      const { info } = (await app.anonymous().get('/docs-json')).body;
      expect(info.description.indexOf('First call')).toBeLessThan(200);
      const { text } = await app.anonymous().get('/docs');
      expect(text.indexOf('VERSION_CONFLICT')).toBeGreaterThan(text.indexOf('id="operations"'));
    });
  });

  /** Raw bytes to the server, and all that comes back. */
  async function speak(bytes: string): Promise<string> {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => undefined);
    socket.write(bytes);
    await once(socket, 'close');
    return answer;
  }
});
