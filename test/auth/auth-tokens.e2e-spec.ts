import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { world } from '../support/world';
import { startTestApp, type TestApp } from '../support/world/app';
import { expectProblem, type Response } from '../support/world/client';

const ISSUER = 'https://id.example';
const AUDIENCE = 'throughline';
const SECRET = 'a shared secret of more than 32 characters';
const SECRET_KEY = new TextEncoder().encode(SECRET);
const CLAIMS = { org_id: 'acme', sub: 'alice' };

const now = () => Math.floor(Date.now() / 1000);
const payload = (claims: JWTPayload = {}): JWTPayload => ({
  ...{ iss: ISSUER, aud: AUDIENCE, exp: now() + 60 },
  ...CLAIMS,
  ...claims,
});
const signShared = (claims?: JWTPayload, alg = 'HS256') =>
  new SignJWT(payload(claims)).setProtectedHeader({ alg }).sign(SECRET_KEY);

const ask = (app: TestApp, token: string, headers = {}): Promise<Response> =>
  app
    .anonymous()
    .with({ authorization: `Bearer ${token}`, ...headers })
    .get('/keys');

/** The token is taken: its bearer is known, and a member, who may not see keys. */
const expectMember = (answer: Response) => {
  expectProblem(answer, 403, 'FORBIDDEN');
  expect(answer.body.detail).toContain('role member');
};

describe('Tokens', () => {
  const { app } = world({ JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE });

  it('F67 a token of the shared secret is accepted, with its role', async () => {
    expectMember(await ask(app, await signShared()));
    expect((await ask(app, await signShared({ role: 'admin' }))).status).toBe(200);
    expectMember(await ask(app, await signShared({ aud: ['other', AUDIENCE], exp: now() - 2 })));
  });

  it('a service names its user, nobody else does', async () => {
    const service = await signShared({ role: 'service' });
    expectProblem(await ask(app, service), 400, 'USER_ID_REQUIRED');
    expectProblem(await ask(app, service, { 'x-user-id': 'bob' }), 403, 'FORBIDDEN');
    expectProblem(await ask(app, await signShared(), { 'x-user-id': 'bob' }), 403, 'USER_ID_MISMATCH');
    expectMember(await ask(app, await signShared(), { 'x-user-id': 'alice' }));
  });

  it.each<[string, JWTPayload]>([
    ['another issuer', { iss: 'https://evil.example' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'other' }],
    ['no audience', { aud: undefined }],
    ['an expiry that is past', { exp: now() - 60 }],
    ['no expiry', { exp: undefined }],
    ['a beginning that is to come', { nbf: now() + 60 }],
    ['no organization', { org_id: undefined }],
    ['an organization of other characters', { org_id: 'acme corp' }],
    ['an organization that is too long', { org_id: 'a'.repeat(65) }],
    ['an organization that is no text', { org_id: 7 }],
    ['no user', { sub: undefined }],
    ['a user with control characters', { sub: 'a\nb' }],
    ['an unknown role', { role: 'owner' }],
  ])('F67 refuses %s', async (_, claims) => {
    const answer = await ask(app, await signShared(claims));
    expectProblem(answer, 401, 'INVALID_TOKEN');
    expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  });

  it('F67 refuses other algorithms, none at all, and other keys', async () => {
    const none = new UnsecuredJWT(payload()).encode();
    const forged = await new SignJWT(payload())
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode('x'.repeat(40)));
    for (const token of [none, forged, await signShared({}, 'HS512'), 'a.b.c', 'nonsense']) {
      expectProblem(await ask(app, token), 401, 'INVALID_TOKEN');
    }
  });

  it('refuses tokens where none are configured', async () => {
    const other = await app.second({ JWT_SECRET: undefined, JWT_ISSUER: undefined, JWT_AUDIENCE: undefined });
    const answer = await ask(other, await signShared());
    expectProblem(answer, 401, 'INVALID_TOKEN');
    expect(answer.body.detail).toContain('API keys only');
  });
});

describe('Tokens of a key set', () => {
  let app: TestApp;
  let provider: Server;
  let privateKey: CryptoKey;
  let publicKey: CryptoKey;
  let fetches = 0;
  beforeAll(async () => {
    ({ privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true }));
    const set = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] });
    provider = createServer((_, reply) => {
      fetches += 1;
      reply.setHeader('content-type', 'application/json').end(set);
    });
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    app = await startTestApp({
      JWT_JWKS_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/jwks`,
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
      JWT_ORG_CLAIM: 'https://id.example/org',
      JWT_USER_CLAIM: 'account.user.id',
      JWT_ROLE_CLAIM: 'account.role',
    });
  });
  afterAll(async () => {
    provider.close();
    await app.close();
  });

  const claims = (role?: string) =>
    payload({ 'https://id.example/org': 'acme', account: { user: { id: 'alice' }, role } });
  const sign = (role?: string, kid = 'one') =>
    new SignJWT(claims(role)).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);

  it('F67 are accepted, by claims at configured paths', async () => {
    expectMember(await ask(app, await sign()));
    expect((await ask(app, await sign('admin'))).status).toBe(200);
    expect(fetches).toBe(1);
  });

  it('F67 are refused when signed with another key, or with the public key as a shared secret', async () => {
    const { privateKey: stranger } = await generateKeyPair('RS256');
    const forged = await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(stranger);
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(publicKey)));
    const confused = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
    for (const token of [forged, confused, await sign('admin', 'two')]) {
      expectProblem(await ask(app, token), 401, 'INVALID_TOKEN');
    }
  });

  it('F66 a provider that is away is not the bearer’s fault', async () => {
    const other = await app.second({ JWT_JWKS_URL: 'http://127.0.0.1:1/jwks' });
    const answer = await ask(other, await sign());
    expectProblem(answer, 503, 'IDENTITY_PROVIDER_UNAVAILABLE');
    expect(answer.headers['retry-after']).toBe('5');
  });
});
