import { once } from 'node:events';
import { connect } from 'node:net';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

const MB = 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };

/** A list with so many zeros, in an object, which is one value more. */
const zeros = (count: number) => `{"messages":[${Array(count).fill('0').join(',')}]}`;

describe('Bodies', () => {
  const { app, alice, admin, thread } = world();

  const send = (path: string, raw: string | Buffer, client: Client = alice) =>
    client.send('POST', path, { raw, headers: JSON_TYPE });

  describe('before they are read', () => {
    it.each([
      ['without a key', 'POST /api/threads', '', 401, 'UNAUTHENTICATED'],
      ['with a key that is none', 'POST /api/threads', 'authorization: Bearer tl_x\r\n', 401, 'INVALID_API_KEY'],
      ['on a route that is none', 'POST /api/nowhere', '', 404, 'ROUTE_NOT_FOUND'],
    ])('H1 refuses ten megabytes %s, and hangs up', async (_, route, header, status, code) => {
      const { head, body } = await speak(`${route} HTTP/1.1\r\nhost: x\r\n${header}${length(10 * MB)}\r\n`);
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(head).toMatch(/^connection: close\r$/im);
      expect(body.code).toBe(code);
    });

    it('H1 refuses a member on a route of admins', async () => {
      const header = `authorization: ${alice.headers.authorization}\r\n${length(10 * MB)}`;
      const { body } = await speak(`POST /api/keys HTTP/1.1\r\nhost: x\r\n${header}\r\n`);
      expect(body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    });

    it('H1 lets a client read the answer while it still sends', async () => {
      const raw = Buffer.alloc(10 * MB, '[0,0,0,0');
      for (let i = 0; i < 5; i += 1)
        expectProblem(await send('/threads', raw, app.anonymous()), 401, 'UNAUTHENTICATED');
    });

    it('H1 keeps the connection behind a short body', async () => {
      const answer = await send('/threads', '{"name":"x"}', app.anonymous());
      expect([answer.status, answer.headers.connection]).toEqual([401, 'keep-alive']);
    });

    it('H1 asks for the body of a client that waits for 100 Continue only when it may send it', async () => {
      const expecting = (header: string) =>
        `POST /api/threads HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n${header}\r\n`;
      const key = `authorization: ${alice.headers.authorization}\r\n`;
      expect((await speak(expecting(length(2)))).head).toMatch(/^HTTP\/1.1 401 /);
      expect((await speak(expecting(key + length(10 * MB)))).body.code).toBe('BODY_TOO_LARGE');
      const allowed = expecting(`${key}connection: close\r\n${length(12)}`);
      expect((await speak(allowed, '{"name":"x"}')).head).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /);
    });

    it('answers 417 as a problem document for any other expectation', async () => {
      const { head, body } = await speak('GET /api/health HTTP/1.1\r\nhost: x\r\nexpect: a-miracle\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1.1 417 [^]*content-type: application\/problem\+json/i);
      expect(body).toMatchObject({ status: 417, code: 'EXPECTATION_FAILED', request_id: expect.any(String) });
    });
  });

  describe('before they are parsed', () => {
    it('H1 takes 200,000 values and no more', async () => {
      const id = await thread();
      const path = `/threads/${id}/messages`;
      expectProblem(await send(path, zeros(199_999)), 400, 'TOO_MANY_VALUES');
      expectProblem(await send(path, zeros(5_000_000)), 400, 'TOO_MANY_VALUES');
      expectProblem(await send(path, `[${Array(300_000).fill('{}').join()}]`), 400, 'TOO_MANY_VALUES');
      const keys = Array.from({ length: 400_000 }, (_, i) => `"k${i}":0`).join();
      const { body } = await send(path, `{${keys}}`);
      expect(body).toMatchObject({ code: 'TOO_MANY_KEYS', detail: expect.stringContaining('10000') });
      const alike = Array(70_000).fill('{"k":0}').join();
      const { detail } = (await send(path, `[${alike}]`)).body;
      expect(detail).toContain('more than 200000 values');
    });

    it('H1 says how deep a body may be', async () => {
      const { body } = await send('/threads', `${'['.repeat(65)}${']'.repeat(65)}`);
      expect(body).toMatchObject({ code: 'TOO_DEEP', detail: expect.stringContaining('64') });
    });

    it('H1 takes ten megabytes where there can be many messages, and one anywhere else', async () => {
      const id = await thread();
      const large = JSON.stringify({ name: 'x'.repeat(2 * MB) });
      for (const path of ['/threads', '/sessions', `/threads/${id}/fork`, '/agent/quick']) {
        const answer = await send(path, large);
        expectProblem(answer, 413, 'BODY_TOO_LARGE');
        expect(answer.body.detail).toContain(String(MB + 16 * 1024));
      }
      expectProblem(await send('/admin/cleanup', large, admin), 413, 'BODY_TOO_LARGE');
      for (const path of [`/threads/${id}/messages`, '/sessions/s/messages', '/threads/current/messages']) {
        expectProblem(await send(path, large), 400, 'VALIDATION_FAILED');
      }
      expectProblem(await alice.send('PUT', '/sessions/s/state', { raw: large, headers: JSON_TYPE }), 400);
    });

    it('H1 takes one megabyte in a message', async () => {
      const id = await thread();
      const of = (size: number) => ({ role: 'user', content: 'word '.repeat(size / 5) });
      expectProblem(await alice.post(`/threads/${id}/messages`, of(1.1 * MB)), 413, 'MESSAGE_TOO_LARGE');
      const batch = await alice.post(`/threads/${id}/messages`, { messages: [of(10), of(1.1 * MB)] });
      expectProblem(batch, 413, 'MESSAGE_TOO_LARGE');
      expect(batch.body.errors[0]).toMatchObject({ field: 'messages.1', message: expect.stringContaining('1048576') });
      const saved = await alice.put('/sessions/s/state', { history: [of(1.1 * MB)] });
      expectProblem(saved, 413, 'MESSAGE_TOO_LARGE');
      const several = await alice.post(`/threads/${id}/messages`, { messages: [of(0.9 * MB), of(0.9 * MB)] });
      expect(several.status).toBe(201);
    });
  });

  const length = (bytes: number) => `content-type: application/json\r\ncontent-length: ${bytes}\r\n`;

  /** Sends a head, and what follows once the server asks for it; the whole answer. */
  async function speak(head: string, body?: string): Promise<{ head: string; body: any }> {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (body && answer.includes('100 Continue')) socket.write(body);
      body = undefined;
    });
    socket.on('error', () => undefined);
    socket.write(head);
    await once(socket, 'close');
    const at = answer.lastIndexOf('\r\n\r\n');
    return { head: answer.slice(0, at), body: JSON.parse(answer.slice(at + 4)) };
  }
});
