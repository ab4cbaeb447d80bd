import { connect } from 'node:net';
import { world } from '../support/world';
import { expectProblem, type Headers } from '../support/world/client';

/** As on one person's machine: no DATABASE_URL is configured, a loopback HOST, not production. */
const LOCAL = { DATABASE_URL: undefined };

/** Sends a request as it is. */
async function speakTo(port: string, text: string): Promise<string> {
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe('Default identity', () => {
  const { app } = world(LOCAL);
  let port: string;
  beforeAll(async () => {
    port = new URL(app.url).port;
  });

  const ask = (headers: Headers = {}) => app.anonymous().with(headers).get('/keys');

  it.each<[string, () => Headers]>([
    ['nothing else', () => ({})],
    ['localhost as host', () => ({ host: `localhost:${port}` })],
    ['an IPv6 host', () => ({ host: `[::1]:${port}` })],
    ['its own origin', () => ({ host: `localhost:${port}`, origin: `http://localhost:${port}` })],
    ['a page of its own', () => ({ 'sec-fetch-site': 'same-origin' })],
    ['an address typed in', () => ({ 'sec-fetch-site': 'none' })],
    ['its own name', () => ({ 'x-user-id': 'default_user' })],
  ])('a request with %s is the default user, a member', async (_, headers) => {
    const answer = await ask(headers());
    expectProblem(answer, 403, 'FORBIDDEN');
    expect(answer.body.detail).toContain('role member');
  });

  it('A01 what it writes says so', async () => {
    const { id } = await app.anonymous().createThread();
    expect(await app.anonymous().addMessage(id)).toMatchObject({ created_by: 'default_user', created_via: 'default' });
  });

  it.each<[string, number, string, Headers]>([
    ['a host that is no loopback name', 403, 'HOST_NOT_LOOPBACK', { host: 'evil.example' }],
    ['a host that begins like one', 403, 'HOST_NOT_LOOPBACK', { host: 'localhost.evil.example:8000' }],
    ['a page of another site', 403, 'CROSS_SITE_REQUEST', { 'sec-fetch-site': 'cross-site' }],
    ['a page of another port', 403, 'CROSS_SITE_REQUEST', { 'sec-fetch-site': 'same-site' }],
    ['another origin', 403, 'CROSS_SITE_REQUEST', { origin: 'http://localhost:1' }],
    ['the origin of a sandbox', 403, 'CROSS_SITE_REQUEST', { origin: 'null' }],
    ['a proxy in front', 401, 'UNAUTHENTICATED', { 'x-forwarded-for': '127.0.0.1' }],
    ['a proxy in front that says so', 401, 'UNAUTHENTICATED', { forwarded: 'for=127.0.0.1' }],
    ['another user’s name', 403, 'USER_ID_MISMATCH', { 'x-user-id': 'alice' }],
    ['credentials that are wrong', 401, 'INVALID_API_KEY', { authorization: 'Bearer tl_x' }],
  ])('F67 refuses %s', async (_, status, code, headers) => {
    expectProblem(await ask(headers), status, code);
  });

  it.each([
    ...[
      'x-forwarded-for',
      'x-forwarded-port',
      'x-forwarded-anything',
      'X-Real-IP',
      'via',
      'x-client-ip',
      'true-client-ip',
    ],
    ...['fastly-client-ip', 'cf-ray', 'cf-connecting-ip', 'tailscale-user-login', 'Forwarded'],
  ])('takes %s for the word of a proxy, behind which anybody may be', async (name) => {
    expectProblem(await ask({ [name]: '127.0.0.1' }), 401, 'UNAUTHENTICATED');
  });

  it('takes HTTP/1.0 for a proxy', async () => {
    const speak = (version: string) =>
      speakTo(port, `GET /api/keys HTTP/${version}\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(await speak('1.1')).toMatch(/^HTTP\/1.1 403 [^]*"FORBIDDEN"/);
    expect(await speak('1.0')).toMatch(/^HTTP\/1.1 401 [^]*"UNAUTHENTICATED"/);
  });

  it.each(['X-User-Id', 'authorization', 'Host'])('refuses %s sent twice with 400, whoever calls', async (name) => {
    const host = name === 'Host' ? '' : 'host: localhost\r\n';
    const answer = await speakTo(
      port,
      `GET /api/health HTTP/1.1\r\n${host}${name}: a\r\nx: y\r\n${name.toUpperCase()}: a\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*"DUPLICATE_HEADER"/);
  });

  it('F67 refuses another machine', async () => {
    const request = { url: '/api/keys', headers: { host: 'localhost' } };
    const near = await app.app.inject({ ...request, remoteAddress: '::ffff:127.0.0.1' });
    const far = await app.app.inject({ ...request, remoteAddress: '192.168.1.7' });
    expect([near.json().code, far.json().code]).toEqual(['FORBIDDEN', 'UNAUTHENTICATED']);
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['it is turned off', { ...LOCAL, ALLOW_DEFAULT_IDENTITY: 'false' }],
    ['in production', { ...LOCAL, NODE_ENV: 'production' }],
    ['on a public address', { ...LOCAL, HOST: '0.0.0.0' }],
  ])('nobody is the default user when %s', async (_, env) => {
    const other = await app.second(env);
    expectProblem(await other.anonymous().get('/keys'), 401, 'UNAUTHENTICATED');
    expectProblem(await other.anonymous().with({ 'x-user-id': 'default_user' }).get('/keys'), 401, 'UNAUTHENTICATED');
  });

  it('nobody is the default user on a database of the operator’s', async () => {
    const other = await app.second({ DATABASE_URL: app.database.url });
    expectProblem(await other.anonymous().get('/keys'), 401, 'UNAUTHENTICATED');
  });
});
