import { type Operation, readOperations } from '../support/api/openapi';
import { bodyOf, pathOf } from '../support/api/resources';
import { world } from '../support/world';

/** What changes nothing of the source, though it is a POST. */
const READING_POSTS = /\/(fork|context)$/;
/** Answers that go on until somebody ends them; their own tests are about shares too. */
const ENDLESS = /\/(events|replay)$/;

/** Generated from the API reference: a new route of a thread or a message is in it without anybody's doing. */
describe('Every route of a thread that is shared', () => {
  const { app, alice, bob } = world();
  let operations: Operation[];

  beforeAll(async () => {
    operations = (await readOperations(app.anonymous())).filter(
      ({ path }) =>
        /^\/api\/(threads|messages)\/\{id\}/.test(path) && !ENDLESS.test(path) && !path.includes('share_id'),
    );
  });

  const make = async () => {
    const { id } = await alice.createThread('Tokyo');
    const [message, gone] = await alice.addMessages(id, [
      { role: 'user', content: 'First' },
      { role: 'user', content: 'Second' },
      { role: 'assistant', content: 'Third' },
    ]);
    await alice.delete(`/messages/${gone.id}`);
    await alice.post(`/threads/${id}/summaries`, { start_turn: 0, end_turn: 1, content: 'Greetings.' });
    const { body } = await alice.post(`/threads/${id}/shares`, { user_id: 'bob', permission: 'read' });
    return { id, message: message.id as string, shareId: body.id as string };
  };

  /** Everything of Alice's. */
  const state = async (): Promise<unknown> => {
    const { rows } = await app.db.query(`
      WITH mine AS (SELECT * FROM threads WHERE user_id = 'alice')
      SELECT (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM mine t),
        (SELECT md5(string_agg(m::text, '' ORDER BY m.id)) FROM messages m JOIN mine t ON t.id = m.thread_id) AS messages,
        (SELECT md5(string_agg(m::text, '' ORDER BY m.id)) FROM deleted_messages m JOIN mine t ON t.id = m.thread_id) AS gone,
        (SELECT md5(string_agg(s::text, '' ORDER BY s.id)) FROM summaries s JOIN mine t ON t.id = s.thread_id) AS summaries,
        (SELECT md5(string_agg(s::text, '' ORDER BY s.id)) FROM shares s) AS shares`);
    return rows[0];
  };

  const ask = (operation: Operation, { id, message }: { id: string; message: string }) =>
    bob.send(operation.method, pathOf(operation, operation.path.startsWith('/api/messages') ? message : id), {
      body: bodyOf(operation),
    });

  it('C48 is read by a reader, and by none of them changed', async () => {
    expect(operations.length).toBeGreaterThan(15);
    const wrong: string[] = [];
    for (const operation of operations) {
      const thread = await make();
      const before = await state();
      const { status, text } = await ask(operation, thread);
      const name = `${operation.method} ${operation.path}`;
      const expected = operation.method === 'GET' || READING_POSTS.test(operation.path) ? [200, 201, 403] : [403, 404];
      if (!expected.includes(status)) wrong.push(`${name}: ${status} ${text.slice(0, 200)}`);
      if (JSON.stringify(await state()) !== JSON.stringify(before)) wrong.push(`${name} changed something`);
    }
    expect(wrong).toEqual([]);
  });

  it('C48 is not there any more after the share', async () => {
    const wrong: string[] = [];
    for (const operation of operations) {
      const thread = await make();
      await alice.delete(`/threads/${thread.id}/shares/${thread.shareId}`);
      const { status, text } = await ask(operation, thread);
      if (status !== 404) wrong.push(`${operation.method} ${operation.path}: ${status} ${text.slice(0, 200)}`);
    }
    expect(wrong).toEqual([]);
  });
});
