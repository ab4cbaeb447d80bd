import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { type Client, expectProblem, type Response } from '../support/world/client';

describe('Sharing by links', () => {
  const { app, alice, bob, someone } = world();
  const carol = someone('carol');

  const makeLink = async (body: object = {}, client = alice) => {
    const { id } = await alice.createThread('Tokyo');
    const { status, body: link } = await client.post(`/threads/${id}/shares`, {
      link: true,
      permission: 'read',
      ...body,
    });
    expect(status).toBe(201);
    return { id, link };
  };
  const accept = (client: Client, token: string) => client.post('/shares/accept', { token });
  const write = (client: Client, id: string) =>
    client.post(`/threads/${id}/messages`, { role: 'user', content: 'Hello' });
  const refused = ({ status, body }: Response) => `${status} ${body.code} ${body.detail}`;

  it('C48 shows the token of a link once, and keeps its hash only', async () => {
    const { id, link } = await makeLink();
    expect(link).toMatchObject({ user_id: null, link_id: null, permission: 'read', created_by: 'alice' });
    expect(link.token).toMatch(/^tls_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
    const listed = await alice.get(`/threads/${id}/shares`);
    expect(listed.body.data).toEqual([{ ...link, token: undefined, warnings: undefined }]);
    const secret = link.token.split('_').slice(2).join('_');
    const { rows } = await app.db.query(
      'SELECT s::text AS row, octet_length(secret_hash) AS bytes FROM shares s WHERE id = $1',
      [link.id],
    );
    expect(rows[0].bytes).toBe(32);
    expect(rows[0].row).not.toContain(secret);
    expect(rows[0].row).not.toContain(Buffer.from(secret).toString('hex'));
    // The link alone opens nothing.
    expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 whoever accepts has a share of their own; twice, also at once, it is one', async () => {
    const { id, link } = await makeLink();
    const answers = await Promise.all(Array.from({ length: 8 }, () => accept(bob, link.token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(7).fill(200), 201]);
    for (const { body } of answers)
      expect(body).toMatchObject({ id, user_id: 'alice', name: 'Tokyo', permission: 'read' });
    expect((await accept(bob, link.token)).status).toBe(200);
    const { data } = (await alice.get(`/threads/${id}/shares`)).body;
    expect(data.map((row: any) => [row.user_id, row.link_id, row.permission])).toEqual([
      [null, null, 'read'],
      ['bob', link.id, 'read'],
    ]);
    expect((await bob.get(`/threads/${id}/messages`)).status).toBe(200);
    expectProblem(await write(bob, id), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await carol.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 answers the same 404 to any token that opens nothing', async () => {
    const [whole, expired, revoked, trashed] = await Promise.all([makeLink(), makeLink(), makeLink(), makeLink()]);
    await app.db.query(`UPDATE shares SET expires_at = now() - interval '1 s' WHERE id = $1`, [expired.link.id]);
    await alice.delete(`/threads/${revoked.id}/shares/${revoked.link.id}`);
    await alice.delete(`/threads/${trashed.id}`);
    const direct = (await alice.post(`/threads/${whole.id}/shares`, { user_id: 'carol', permission: 'read' })).body;
    const unknown = `tls_${randomUUID().replaceAll('-', '')}_${'A'.repeat(43)}`;
    const expected = refused(await accept(bob, unknown));
    expect(expected).toMatch(/^404 SHARE_LINK_NOT_FOUND /);
    const tokens = {
      'of an expired link': expired.link.token,
      'of a revoked link': revoked.link.token,
      'of a thread that is gone': trashed.link.token,
      'with a wrong secret': whole.link.token.slice(0, -43) + 'A'.repeat(43),
      'of a share with a user': `tls_${direct.id.replaceAll('-', '')}_${'A'.repeat(43)}`,
      'without a secret': whole.link.token.slice(0, 36),
      'no token': 'nonsense',
      'with more': `${whole.link.token}x`,
    };
    for (const [name, token] of Object.entries(tokens)) {
      expect({ name, answer: refused(await accept(bob, token)) }).toEqual({ name, answer: expected });
    }
    for (const stranger of [await app.as('globex', 'bob'), await app.as('globex', 'bob', 'admin')]) {
      expect(refused(await accept(stranger, whole.link.token))).toBe(expected);
    }
    for (const body of [
      {},
      { token: '' },
      { token: 1 },
      { token: 'x'.repeat(300) },
      { token: whole.link.token, org_id: 'acme' },
    ]) {
      expectProblem(await bob.post('/shares/accept', body), 400, 'VALIDATION_FAILED');
    }
    expect((await accept(bob, whole.link.token)).status).toBe(201);
  });

  it('C48 a link that is revoked, or has expired, ends what was accepted through it, and nothing else', async () => {
    const { id, link } = await makeLink({ permission: 'write' });
    const other = (await alice.post(`/threads/${id}/shares`, { link: true, permission: 'read' })).body;
    for (const client of [bob, carol]) expect((await accept(client, link.token)).status).toBe(201);
    expect((await accept(carol, other.token)).status).toBe(201);
    expect((await write(bob, id)).status).toBe(201);
    expect((await write(carol, id)).status).toBe(201);
    expect((await alice.delete(`/threads/${id}/shares/${link.id}`)).status).toBe(200);
    expectProblem(await write(bob, id), 404, 'THREAD_NOT_FOUND');
    // Carol has the other link still, which lets her read.
    expectProblem(await write(carol, id), 403, 'THREAD_NOT_WRITABLE');
    expect((await alice.get(`/threads/${id}/shares`)).body.data).toHaveLength(2);
    await alice.patch(`/threads/${id}/shares/${other.id}`, { expires_in_seconds: 3600 });
    await app.db.query(`UPDATE shares SET expires_at = now() - interval '1 s' WHERE thread_id = $1`, [id]);
    expectProblem(await carol.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 what changes of a link changes for everybody who accepted it', async () => {
    const { id, link } = await makeLink();
    for (const client of [bob, carol]) await accept(client, link.token);
    const patch = (share: string, body: object) => alice.patch(`/threads/${id}/shares/${share}`, body);
    expect((await patch(link.id, { permission: 'write', expires_in_seconds: 3600 })).body.permission).toBe('write');
    for (const client of [bob, carol]) expect((await write(client, id)).status).toBe(201);
    const { data } = (await alice.get(`/threads/${id}/shares`)).body;
    expect(new Set(data.map((row: any) => row.expires_at)).size).toBe(1);
    const ofBob = data.find((row: any) => row.user_id === 'bob');
    expectProblem(await patch(ofBob.id, { permission: 'read' }), 409, 'SHARE_FOLLOWS_LINK');
    await patch(link.id, { permission: 'read' });
    for (const client of [bob, carol]) expectProblem(await write(client, id), 403, 'THREAD_NOT_WRITABLE');
    // One of them goes; the link is there for the others.
    expect((await alice.delete(`/threads/${id}/shares/${ofBob.id}`)).status).toBe(200);
    expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expect((await carol.get(`/threads/${id}`)).status).toBe(200);
  });

  it('C48 the owner who accepts has no share of the own thread', async () => {
    const { id, link } = await makeLink();
    const answer = await accept(alice, link.token);
    expect([answer.status, answer.body.permission]).toEqual([200, 'write']);
    expect((await alice.get(`/threads/${id}/shares`)).body.data).toHaveLength(1);
    expect(await alice.all('/threads', { shared: true })).toEqual([]);
  });

  it('C48 accepting and changing a link at once leaves nobody with more than the link', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id, link } = await makeLink({ permission: 'write' });
      await Promise.all([
        ...[bob, carol].map((client) => accept(client, link.token)),
        alice.patch(`/threads/${id}/shares/${link.id}`, { permission: 'read' }),
      ]);
      const { data } = (await alice.get(`/threads/${id}/shares`)).body;
      expect(data.map((row: any) => row.permission)).toEqual(['read', 'read', 'read']);
    }
  });

  it('C48 accepting and revoking a link at once leaves nothing behind', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id, link } = await makeLink();
      const answers = await Promise.all([
        ...[bob, carol].map((client) => accept(client, link.token)),
        alice.delete(`/threads/${id}/shares/${link.id}`),
      ]);
      for (const answer of answers) expect([200, 201, 404]).toContain(answer.status);
      expect((await alice.get(`/threads/${id}/shares`)).body.data).toEqual([]);
      expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    }
  });

  it('C48 at most 1000 shares of a thread, those of accepted links included', async () => {
    const { id, link } = await makeLink();
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, permission, secret_hash, created_by)
       SELECT 'acme', gen_random_uuid(), $1, 'read', decode('00', 'hex'), 'alice' FROM generate_series(1, 998)`,
      [id],
    );
    const answers = await Promise.all([bob, carol].map((client) => accept(client, link.token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expectProblem(
      answers.find(({ status }) => status === 409)!,
      409,
      'TOO_MANY_SHARES',
    );
  });
});
