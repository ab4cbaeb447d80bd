import { world } from '../../support/world';

const COUNT = process.env.SOAK ? 1_000_000 : 25_000;

jest.setTimeout(process.env.SOAK ? 1_200_000 : 60_000);

/** No statement of these takes longer than a set of messages does, and nothing of them is seen before all is done. */
describe('R8 long threads', () => {
  const { app, alice, thread } = world({ DB_STATEMENT_TIMEOUT_MS: '20000' });
  let id: string;

  const fill = async () => {
    const made = await thread('Long');
    await app.db.query(
      `INSERT INTO messages (org_id, thread_id, seq, id, role, content, token_count, cost, created_at, updated_at, created_by, owner_id, search)
       SELECT 'acme', $1, n, gen_random_uuid(), 'user', jsonb_build_object('type', 'text', 'text', n::text), 2, 0.01,
         now() - ($2 - n) * interval '1 s', now(), 'alice', 'alice', to_tsvector('simple', n::text)
       FROM generate_series(1, $2::int) n`,
      [made, COUNT],
    );
    await app.db.query(
      `UPDATE threads SET last_seq = $2, message_count = $2, token_count = 2 * $2::bigint, total_cost = 0.01 * $2::numeric WHERE id = $1`,
      [made, COUNT],
    );
    return made;
  };
  const numbers = async (of: string, query: Record<string, number | string>) =>
    (await alice.get(`/threads/${of}/messages`, { query })).body.data.map(({ seq, content }: any) => [
      seq,
      content.text,
    ]);
  const counts = async (of: string) => {
    const { message_count, token_count, total_cost } = (await alice.get(`/threads/${of}`)).body;
    return [message_count, token_count, total_cost];
  };
  const countsOf = (count: number) => [count, 2 * count, expect.closeTo(0.01 * count, 6)];

  beforeAll(async () => (id = await fill()));

  it('a fork is whole, in order, and counted; nobody sees a part of it', async () => {
    const lists: number[] = [];
    let isOver = false;
    const looking = (async () => {
      while (!isOver) {
        const { rows } = await app.db.query(
          `SELECT DISTINCT message_count FROM threads WHERE forked_from_thread_id = $1`,
          [id],
        );
        lists.push(...rows.map(({ message_count }) => message_count));
      }
    })();
    const fork = await alice.post(`/threads/${id}/fork`, {});
    isOver = true;
    await looking;
    expect(fork.status).toBe(201);
    expect(lists.filter((count) => count !== COUNT)).toEqual([]);
    const copy = fork.body.id;
    expect(await counts(copy)).toEqual(countsOf(COUNT));
    expect(await numbers(copy, { last: 2 })).toEqual([COUNT - 1, COUNT].map((n) => [n, `${n}`]));
    expect(fork.body).toMatchObject({ parent_thread_id: id, fork_point: COUNT });
    const { rows } = await app.db.query(
      `SELECT count(*) FILTER (WHERE seq <> n OR content->>'text' <> n::text)::int AS wrong, count(*)::int AS all
       FROM (SELECT seq, content, row_number() OVER (ORDER BY id) AS n FROM messages WHERE thread_id = $1) m`,
      [copy],
    );
    expect(rows).toEqual([{ wrong: 0, all: COUNT }]);
    const part = await alice.post(`/threads/${id}/fork`, { up_to_seq: 10_000 });
    expect(part.body).toMatchObject({ message_count: 10_000, fork_point: 10_000 });
    const turn = await alice.post(`/threads/${id}/fork`, { up_to_seq: 12_345 });
    expect(await counts(turn.body.id)).toEqual(countsOf(12_345));
  });

  it('truncates to the newest, and to the younger ones', async () => {
    const { status, body } = await alice.post(`/threads/${id}/truncate`, { keep_last: 4_000 });
    expect([status, body]).toEqual([200, expect.objectContaining({ removed: COUNT - 4_000, remaining: 4_000 })]);
    expect(await counts(id)).toEqual(countsOf(4_000));
    expect(await numbers(id, { limit: 1 })).toEqual([[COUNT - 3_999, `${COUNT - 3_999}`]]);
    const young = await alice.post(`/threads/${id}/truncate`, { max_age_hours: 1 });
    expect(young.body.remaining).toBeGreaterThan(3000);
    expect(young.body.remaining).toBeLessThanOrEqual(3600);
    expect(await counts(id)).toEqual(countsOf(young.body.remaining));
  });

  it('clears, to the trash and for good', async () => {
    const other = await fill();
    expect((await alice.delete(`/threads/${other}/messages`)).body).toEqual({ cleared: COUNT });
    expect(await counts(other)).toEqual(countsOf(0));
    const { rows } = await app.db.query(
      `SELECT count(*)::int AS kept, count(DISTINCT removal_id)::int AS removals
      FROM deleted_messages WHERE thread_id = $1`,
      [other],
    );
    expect(rows).toEqual([{ kept: COUNT, removals: 1 }]);
    expect((await alice.delete(`/threads/${other}/messages`, { query: { erase: 'true' } })).status).toBe(200);
    expect((await app.db.query(`SELECT FROM deleted_messages WHERE thread_id = $1`, [other])).rowCount).toBe(0);
  });
});
