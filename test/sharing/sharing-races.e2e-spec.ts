import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../support/world';
import type { TestApp } from '../support/world/app';
import { expectProblem } from '../support/world/client';

const HELLO = { role: 'user', content: 'Hello' };

describe('Writes under way while a share ends', () => {
  const { app, alice, bob } = world();
  let other: TestApp;

  beforeAll(async () => {
    other = await app.second();
  });

  /** A thread of Alice's with two messages, shared with Bob. */
  const shared = async (permission: 'read' | 'write') => {
    const { id } = await alice.createThread('Tokyo');
    await alice.addMessages(id, [HELLO, HELLO]);
    const { body } = await alice.post(`/threads/${id}/shares`, { user_id: 'bob', permission });
    return { id, shareId: body.id as string };
  };

  const until = async (condition: () => Promise<boolean>) => {
    for (let tries = 0; !(await condition()); tries += 1) {
      if (tries === 600) throw new Error('It did not happen within a minute');
      await sleep(100);
    }
  };

  const countOf = async (id: string): Promise<number> =>
    (await app.db.query('SELECT count(*) FROM messages WHERE thread_id = $1', [id])).rows[0].count;

  /** Statements that wait for a lock in this test's database. */
  const waiting = async (): Promise<number> => {
    const { rows } = await app.db.query(
      `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows[0].count;
  };

  /**
   * Appends of Bob's wait for the thread's row, both with the share in sight, while `end` takes the share away. More than
   * two of one instance wait at its gate, and have not seen the share yet.
   */
  const holdAppendsDuring = async (id: string, end: () => Promise<unknown>) => {
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM threads WHERE id = $1 FOR UPDATE', [id]);
      const appends = Array.from({ length: 2 }, () => bob.post(`/threads/${id}/messages`, HELLO));
      await until(async () => (await waiting()) >= 2);
      let ended = false;
      const ending = end().then(() => (ended = true));
      await until(async () => ended || (await waiting()) >= 3);
      await holder.query('COMMIT');
      await ending;
      const then = await countOf(id);
      await Promise.all(appends);
      return { then, after: await countOf(id) };
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  };

  it('C48 a revocation answers when the last write that rests on the share is done', async () => {
    const { id, shareId } = await shared('write');
    const revoke = () => alice.at(other.url).delete(`/threads/${id}/shares/${shareId}`);
    const { then, after } = await holdAppendsDuring(id, revoke);
    expect({ then, after }).toEqual({ then: 4, after: 4 });
    expectProblem(await bob.post(`/threads/${id}/messages`, HELLO), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 so does one of a link, and a change to reading', async () => {
    const { id, shareId } = await shared('read');
    const { body: link } = await alice.post(`/threads/${id}/shares`, { link: true, permission: 'write' });
    await bob.post('/shares/accept', { token: link.token });
    const change = () => alice.at(other.url).patch(`/threads/${id}/shares/${link.id}`, { permission: 'read' });
    expect(await holdAppendsDuring(id, change)).toEqual({ then: 4, after: 4 });
    expectProblem(await bob.post(`/threads/${id}/messages`, HELLO), 403, 'THREAD_NOT_WRITABLE');
    await alice.patch(`/threads/${id}/shares/${link.id}`, { permission: 'write' });
    const revoke = () => alice.at(other.url).delete(`/threads/${id}/shares/${link.id}`);
    expect(await holdAppendsDuring(id, revoke)).toEqual({ then: 6, after: 6 });
    await alice.delete(`/threads/${id}/shares/${shareId}`);
    expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 nothing is stored after the answer while 20 writers are at it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id, shareId } = await shared('write');
      let stopped = false;
      const writeOn = async (writer: number) => {
        const statuses: number[] = [];
        while (!stopped && statuses.at(-1) !== 404) {
          const client = bob.at(writer % 2 ? app.url : other.url);
          statuses.push((await client.post(`/threads/${id}/messages`, HELLO)).status);
        }
        return statuses;
      };
      const writers = Array.from({ length: 20 }, (_, writer) => writeOn(writer));
      await until(async () => (await countOf(id)) > 20);
      expect((await alice.delete(`/threads/${id}/shares/${shareId}`)).status).toBe(200);
      const then = await countOf(id);
      const statuses = (await Promise.all(writers)).flat();
      stopped = true;
      expect(await countOf(id)).toBe(then);
      expect(new Set(statuses)).toEqual(new Set([201, 404]));
      expect(statuses.filter((status) => status === 201)).toHaveLength(then - 2);
    }
  });

  it('C48 deleting a thread for good while it is written to by others fails nobody', async () => {
    const { id } = await shared('write');
    const writers = Array.from({ length: 20 }, () => bob.post(`/threads/${id}/messages`, HELLO));
    const [gone, ...answers] = await Promise.all([
      app.db.query('DELETE FROM threads WHERE id = $1', [id]).catch((error: { code: string }) => error.code),
      ...writers,
    ]);
    // Of two that wait for each other the database ends one, which the server would do again.
    if (gone === '40P01') await app.db.query('DELETE FROM threads WHERE id = $1', [id]);
    for (const { status } of answers) expect([201, 404]).toContain(status);
  });
});
