import { world } from '../support/world';
import type { TestEnvironment } from '../support/world/app';
import { expectProblem } from '../support/world/client';

describe('Forks of sessions', () => {
  const { app, alice, say } = world();
  let places = 0;

  /** A user of an organization of their own, at an instance with these variables. */
  const place = async (env: TestEnvironment) => {
    const { url } = await app.second(env);
    return (await app.as(`org${(places += 1)}`, 'alice')).at(url);
  };
  const make = async (id: string, entries: number, settings: object = {}): Promise<any> => {
    await alice.post('/sessions', { session_id: id, ...settings });
    for (let n = 1; n <= entries; n += 1) await say(id, `Entry ${n}`);
    return session(id);
  };
  const session = async (id: string): Promise<any> => (await alice.get(`/sessions/${id}`)).body;
  const texts = async (id: string, client = alice): Promise<string[]> =>
    (await client.get(`/sessions/${id}/messages`)).body.data.map((message: any) => message.content);
  const fork = (id: string, body?: object, client = alice, headers = {}) =>
    client.post(`/sessions/${id}/fork`, body, headers);
  const endNow = (id: string) =>
    app.db.query(`UPDATE threads SET expires_at = now() - interval '1 s' WHERE session_id = $1`, [id]);

  it('P41 G31 U51 U105 C38 copies messages, prompts, variables, metadata and summaries', async () => {
    const settings = { notebook_id: 'nb', prompt_name: 'p', system_prompt: 'Be brief.', max_tokens: 900 };
    const variables = { z: 1, a: { b: [null] } };
    const source = await make('whole', 2, { ...settings, variables, metadata: { m: 1 }, title: 'Plans' });
    expect(source.parent_session_id).toBeNull();
    await alice.post('/sessions/whole/summaries', { start_turn: 0, end_turn: 2, content: 'Greetings.' });
    await alice.put('/memory/secret', { value: 1, session_id: 'whole' });
    const before = await session('whole');
    const { status, body } = await fork('whole', { new_session_id: 'whole-2' });
    expect(status).toBe(201);
    const { token_count, total_cost } = before;
    expect(body).toMatchObject({ ...settings, title: 'Plans', metadata: { m: 1 }, token_count, total_cost });
    expect(body).toMatchObject({ session_id: 'whole-2', parent_session_id: 'whole', message_count: 2 });
    expect(body.variables).toEqual(['z', 'a']);
    expect(body.thread_id).not.toBe(before.thread_id);
    expect(await session('whole-2')).toEqual(body);
    const [summary] = await alice.all('/sessions/whole-2/summaries');
    expect(summary).toMatchObject({ content: 'Greetings.', from_seq: 1, to_seq: 2, thread_id: body.thread_id });
    const { rows } = await app.db.query(`SELECT session_id FROM memories WHERE key = 'secret'`);
    expect(rows).toEqual([{ session_id: 'whole' }]);
    expect((await alice.get(`/threads/${body.thread_id}`)).body).toMatchObject({
      ...{ parent_thread_id: before.thread_id, fork_point: 2, session_id: 'whole-2' },
    });
    await say('whole-2', 'More');
    await alice.patch('/sessions/whole-2/variables', { z: 2 });
    expect(await session('whole')).toEqual(before);
    expect((await alice.get('/sessions/whole/variables')).body).toEqual(variables);
    await say('whole', 'Else');
    expect(await texts('whole-2')).toEqual(['Entry 1', 'Entry 2', 'More']);
    await alice.delete('/sessions/whole');
    expect(await session('whole-2')).toMatchObject({ parent_session_id: null, message_count: 3 });
  });

  it('N35 branches at a turn, under an id of the server without one', async () => {
    const source = await make('branchy', 4);
    const branch = (body?: object) => alice.post('/sessions/branchy/branch', body);
    const { status, body } = await branch({ at_turn: 2, new_session_id: 'branch' });
    expect({ status, parent: body.parent_session_id }).toEqual({ status: 201, parent: 'branchy' });
    expect(await texts('branch')).toEqual(['Entry 1', 'Entry 2']);
    const made = (await branch({})).body;
    expect(made).toMatchObject({ message_count: 4, title: made.session_id });
    for (const [at_turn, count] of [
      [0, 0],
      [4, 4],
    ]) {
      expect((await branch({ at_turn, new_session_id: null })).body.message_count).toBe(count);
    }
    for (const at_turn of [5, 99]) {
      const beyond = await branch({ at_turn, new_session_id: 'beyond' });
      expectProblem(beyond, 400, 'VALIDATION_FAILED');
      expect(beyond.body.errors).toEqual([
        { field: 'at_turn', message: `at_turn is ${at_turn}, and there are 4 entries` },
      ]);
    }
    expectProblem(await alice.get('/sessions/beyond'), 404, 'SESSION_NOT_FOUND');
    const [, second] = (await alice.get('/sessions/branchy/messages')).body.data;
    expect((await fork('branchy', { up_to_message_id: second.id, new_session_id: '' })).body.message_count).toBe(2);
    expect(await session('branchy')).toEqual(source);
    expectProblem(await fork('branch', { up_to_message_id: second.id }), 404, 'MESSAGE_NOT_FOUND');
    for (const wrong of [{ at_turn: 1, up_to_message_id: second.id }, { at_turn: -1 }, { at_turn: '1' }, { x: 1 }]) {
      expectProblem(await branch(wrong), 400, 'VALIDATION_FAILED');
    }
  });

  it('U52 U53 refuses bad ids, reserved words, and sources that are unknown, expired or of others', async () => {
    await make('mine', 1);
    await make('over', 1);
    await endNow('over');
    const strangers = [
      await app.as('acme', 'bob'),
      await app.as('globex', 'alice'),
      await app.as('acme', 'eve', 'admin'),
    ];
    const count = async () => (await app.db.query('SELECT count(*) FROM sessions')).rows[0].count;
    const before = await count();
    for (const id of ['nope', 'over']) expectProblem(await fork(id), 404, 'SESSION_NOT_FOUND');
    for (const client of strangers) expectProblem(await fork('mine', {}, client), 404, 'SESSION_NOT_FOUND');
    for (const [id, code] of [
      ['a\u0007', 'VALIDATION_FAILED'],
      ['x'.repeat(256), 'VALIDATION_FAILED'],
      ['search', 'SESSION_ID_RESERVED'],
    ]) {
      expectProblem(await fork('mine', { new_session_id: id }), 400, code);
    }
    expectProblem(await fork('current'), 400, 'SESSION_ID_RESERVED');
    expectProblem(await fork('x'.repeat(256)), 400, 'INVALID_ID');
    expect(await count()).toBe(before);
  });

  it('C37 a target that is there is 409, whatever it is; an expired one is free, and so are those of others', async () => {
    await make('from', 2);
    const target = await make('to', 1);
    for (const id of ['to', 'from']) expectProblem(await fork('from', { new_session_id: id }), 409, 'SESSION_EXISTS');
    expect(await session('to')).toEqual(target);
    await endNow('to');
    expect((await fork('from', { new_session_id: 'to' })).status).toBe(201);
    expect(await texts('to')).toEqual(['Entry 1', 'Entry 2']);
    const bob = await app.as('acme', 'bob');
    await say('bobs', 'Hello', bob);
    expect((await fork('from', { new_session_id: 'bobs' })).status).toBe(201);
    expect(await texts('bobs', bob)).toEqual(['Hello']);
  });

  it('C37 of parallel forks to one id one wins; a retry gets the first answer', async () => {
    await make('busy', 3);
    const answers = await Promise.all(Array.from({ length: 10 }, () => fork('busy', { new_session_id: 'one' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
    const named = () => fork('busy', { new_session_id: 'two' }, alice, { 'idempotency-key': 'two' });
    expect((await named()).body).toEqual((await named()).body);
    const free = await Promise.all(Array.from({ length: 20 }, () => fork('busy')));
    expect(new Set(free.map(({ body }) => body.session_id)).size).toBe(20);
    expect(free.map(({ body }) => body.message_count)).toEqual(Array(20).fill(3));
    // Each the other one's target: neither may wait for the other.
    await make('left', 1);
    await make('right', 1);
    const crossed = [fork('left', { new_session_id: 'right' }), fork('right', { new_session_id: 'left' })];
    expect((await Promise.all(crossed)).map(({ status }) => status)).toEqual([409, 409]);
  });

  it('U54 C03 lru makes room for the fork, if need be of the source; the cap holds', async () => {
    const client = await place({ SESSION_MAX_CONCURRENT: '3' });
    for (const id of ['a', 'b', 'c']) {
      await client.post('/sessions', { session_id: id, notebook_id: 'nb' });
      await say(id, id, client);
    }
    expect((await fork('a', { new_session_id: 'd' }, client)).status).toBe(201);
    const active = async () => (await client.all('/sessions')).map((one) => one.session_id).sort();
    expect([await active(), await texts('d', client)]).toEqual([['b', 'c', 'd'], ['a']]);
    expectProblem(await fork('b', { new_session_id: 'a' }, client), 409, 'SESSION_EXISTS');
    const forks = await Promise.all(Array.from({ length: 20 }, () => fork('d', {}, client)));
    for (const { status } of forks) expect([201, 404]).toContain(status);
    expect(await active()).toHaveLength(3);
    await say('a', 'awake', client);
    expect(await texts('a', client)).toEqual(['a', 'awake']);
  });

  it('C03 reject answers 429 and copies nothing', async () => {
    const client = await place({ SESSION_MAX_CONCURRENT: '5', SESSION_EVICTION_POLICY: 'reject' });
    await client.post('/sessions', { session_id: 'a', notebook_id: 'nb' });
    await say('a', 'a', client);
    const forks = await Promise.all(Array.from({ length: 20 }, () => fork('a', {}, client)));
    const made = forks.filter(({ status }) => status === 201);
    expect(made).toHaveLength(4);
    for (const answer of forks) if (!made.includes(answer)) expectProblem(answer, 429, 'TOO_MANY_SESSIONS');
    expect(await client.all('/sessions')).toHaveLength(5);
  });
});
