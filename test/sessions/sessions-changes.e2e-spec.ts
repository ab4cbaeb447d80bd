import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

describe('Changes of sessions', () => {
  const { alice, bob, admin, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];

  const open = (body: object) => alice.post('/sessions', body);
  const say = (id: string) => alice.post(`/sessions/${id}/messages`, { role: 'user', content: 'Hello' });
  const get = async (id: string): Promise<any> => (await alice.get(`/sessions/${id}`)).body;

  it('N39 changes what it is told, and nothing else; only for the owner', async () => {
    const { body: before } = await open({ session_id: 'patched', metadata: { a: 1 }, variables: { v: 1 } });
    const { messages: _, ...shown } = before;
    const changes = {
      title: 'New',
      notebook_id: 'nb',
      metadata: { b: 2 },
      prompt_name: 'p',
      system_prompt: '',
      max_tokens: 7,
    };
    const { status, body } = await alice.patch('/sessions/patched', changes);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ ...shown, ...changes, metadata: { a: 1, b: 2 }, version: before.version + 1 },
      ...{ updated_at: body.updated_at, last_activity: body.updated_at, expires_at: body.expires_at },
      last_accessed_at: body.last_accessed_at,
    });
    expect((await alice.patch('/sessions/patched', { notebook_id: null, prompt_name: null })).body).toMatchObject({
      ...{ notebook_id: null, prompt_name: null, title: 'New', system_prompt: '' },
    });
    for (const bad of [
      { nope: 1 },
      { title: '' },
      { title: null },
      { max_tokens: 0 },
      { user_id: 'bob' },
      { metadata: [] },
    ]) {
      expectProblem(await alice.patch('/sessions/patched', bad), 400, 'VALIDATION_FAILED');
    }
    for (const stranger of strangers) {
      expectProblem(await stranger.patch('/sessions/patched', { title: 'mine' }), 404, 'SESSION_NOT_FOUND');
      // Of their own: a write to an unknown id makes a session (C10).
      expect((await stranger.patch('/sessions/patched/metadata', { a: 'mine' })).body).toEqual({ a: 'mine' });
    }
    expectProblem(await alice.patch('/sessions/nope', { title: 'x' }), 404, 'SESSION_NOT_FOUND');
    expect(await get('patched')).toMatchObject({ title: 'New', metadata: { a: 1, b: 2 } });
  });

  it('P24 C31 merge-patches metadata: {} where there is none, null removes, a limit holds', async () => {
    expect((await open({ session_id: 'meta', metadata: null })).body.metadata).toEqual({});
    const patch = (body: unknown) => alice.patch('/sessions/meta/metadata', body);
    expect((await patch({ custom_flag: true, a: { b: 1 } })).body).toEqual({ custom_flag: true, a: { b: 1 } });
    const answer = await patch({ a: { b: null, c: [1] }, custom_flag: null });
    expect([answer.body, answer.headers.etag]).toEqual([{ a: { c: [1] } }, `"${(await get('meta')).version}"`]);
    expect((await alice.get('/sessions/meta/metadata')).body).toEqual({ a: { c: [1] } });
    for (const body of [[], 'x', 7, null, undefined]) expectProblem(await patch(body), 400);
    expect((await patch({ big: 'x'.repeat(65_000) })).status).toBe(200);
    expectProblem(await patch({ more: 'x'.repeat(1000) }), 400, 'METADATA_TOO_LARGE');
    expectProblem(await alice.put('/sessions/meta/variables', { v: 'x'.repeat(66_000) }), 400, 'METADATA_TOO_LARGE');
    expect((await get('meta')).metadata.more).toBeUndefined();
  });

  it('C49 takes any name for a variable, and no value is mistaken for another one', async () => {
    await open({ session_id: 'names' });
    const raw = '{"valueOf":{"a":1},"constructor":null,"":0,"a.b":"","ü":[null,{"c":null}],"x":false}';
    const headers = { 'content-type': 'application/json' };
    const put = await alice.send('PUT', '/sessions/names/variables', { raw, headers });
    expect([put.status, put.text]).toEqual([200, raw]);
    expect((await get('names')).variables).toEqual(['valueOf', 'constructor', '', 'a.b', 'ü', 'x']);
    const patch = '{"valueOf":{"b":2},"constructor":null,"toString":{"d":null,"e":{"f":null}}}';
    const { text } = await alice.send('PATCH', '/sessions/names/variables', { raw: patch, headers });
    expect(text).toBe('{"valueOf":{"a":1,"b":2},"":0,"a.b":"","ü":[null,{"c":null}],"x":false,"toString":{"e":{}}}');
    expectProblem(await alice.put('/sessions/names/variables', { a: '\0' }), 400, 'INVALID_TEXT');
  });

  it('N20 C13 last_activity moves with every write and with no read', async () => {
    await open({ session_id: 'clock', notebook_id: 'nb' });
    let last = await get('clock');
    const writes: (() => Promise<unknown>)[] = [
      () => say('clock'),
      () => alice.patch('/sessions/clock/variables', { a: 1 }),
      () => alice.put('/sessions/clock/variables', {}),
      () => alice.patch('/sessions/clock/metadata', { a: 1 }),
      () => alice.patch('/sessions/clock', { title: 'x' }),
      () => alice.patch('/sessions/clock', { max_tokens: 5 }),
      () => open({ session_id: 'clock', metadata: { b: 1 } }),
      () => alice.delete('/sessions/clock/messages'),
    ];
    for (const write of writes) {
      await write();
      const now = await get('clock');
      expect(now.last_activity > last.last_activity && now.expires_at > last.expires_at).toBe(true);
      expect([now.version, now.created_at]).toEqual([last.version + 1, last.created_at]);
      last = now;
    }
    const reads = ['', '?include=messages', '/messages', '/history', '/metadata', '/variables'];
    for (const path of reads) expect((await alice.get(`/sessions/clock${path}`)).status).toBe(200);
    expect(await get('clock')).toEqual(last);
  });

  it('P62 C39 clearing keeps the session, its metadata and its variables', async () => {
    await open({ session_id: 'cleared', metadata: { a: 1 }, variables: { v: 1 } });
    await alice.post('/sessions/cleared/messages', { role: 'user', content: 'x', cost: 0.5 });
    for (const stranger of strangers) {
      expectProblem(await stranger.delete('/sessions/cleared/messages'), 404, 'SESSION_NOT_FOUND');
    }
    expect((await alice.delete('/sessions/cleared/messages')).body).toEqual({ cleared: 1 });
    const counters = { message_count: 0, turn_count: 0, token_count: 0, total_cost: 0 };
    expect(await get('cleared')).toMatchObject({ ...counters, metadata: { a: 1 }, variables: ['v'] });
    expect((await alice.get('/sessions/cleared/history')).body).toMatchObject({ turn_count: 0, history: [] });
    expect((await alice.delete('/sessions/cleared/messages')).body).toEqual({ cleared: 0 });
  });
});
