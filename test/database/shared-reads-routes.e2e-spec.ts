import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem, type Response } from '../support/world/client';

const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));

/** A user with one of everything, and what each path shows of it. */
interface Owner {
  readonly client: Client;
  readonly expected: Record<string, unknown>;
}

describe('Reads of many users that wait at the same time', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ DB_POOL_SIZE: '3', DB_MAX_OVERFLOW: '1' });
  });
  afterAll(() => app.close());

  async function makeOwner(org: string, user: string): Promise<Owner> {
    const client = await app.as(org, user);
    const { id } = await client.createThread(`Thread of ${user}`);
    const stored = await client.addMessages(
      id,
      times(4, (n) => ({ role: 'user', content: `${org} ${user} ${n}`, metadata: { org, user } })),
    );
    await client.post(`/sessions/of-${org}-${user}/messages`, { role: 'user', content: `${org} ${user}` });
    await client.put(`/memory/color-of-${org}-${user}`, { value: { org, user } });
    const paths = [
      `/threads/${id}`,
      `/threads/${id}/messages?last=2`,
      `/threads/${id}/messages`,
      `/threads/${id}/context`,
    ];
    paths.push(`/messages/${stored[1].id}`, `/sessions/of-${org}-${user}/messages`, `/memory/color-of-${org}-${user}`);
    const answers = await Promise.all(paths.map((path) => client.get(path)));
    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
    return { client, expected: Object.fromEntries(paths.map((path, n) => [path, answers[n].body])) };
  }

  it('F53 C19 200 at once: each gets exactly its own, a stranger of the organization or of another gets 404', async () => {
    const names = ['alice', 'bob', 'carol'].flatMap((user) => ['acme', 'globex'].map((org) => [org, user]));
    const owners = await Promise.all(names.map(([org, user]) => makeOwner(org, user)));
    const lines = times(200, (n) => {
      const owner = owners[n % owners.length];
      const paths = Object.keys(owner.expected);
      // Every third is asked by somebody else.
      const asks = n % 3 === 2 ? owners[(n + 1 + (n % 4)) % owners.length] : owner;
      return { owner, asks, path: paths[Math.floor(n / owners.length) % paths.length] };
    });
    const answers = await Promise.all(lines.map(({ asks, path }) => asks.client.get(path)));
    let refused = 0;
    for (const [n, { owner, asks, path }] of lines.entries()) {
      if (asks === owner) expect([path, answers[n].status, answers[n].body]).toEqual([path, 200, owner.expected[path]]);
      else {
        expectProblem(answers[n], 404);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(40);
  });

  it('C16 whoever was answered 201 reads it at once, however many do so at the same time', async () => {
    const clients = await Promise.all(times(8, async (n) => app.as('acme', 'alice', n % 2 ? 'member' : 'admin')));
    const shared = await clients[0].createThread('Of all');
    const own = await Promise.all(clients.map((client) => client.createThread('Of one')));
    const work = async (client: Client, n: number) => {
      for (let turn = 1; turn <= 25; turn += 1) {
        const text = `${n}/${turn}`;
        const [mine, ours] = await Promise.all([
          client.addMessage(own[n].id, text),
          client.addMessage(shared.id, text),
        ]);
        const [last, newest, thread, alone] = await Promise.all([
          client.get(`/threads/${own[n].id}/messages?last=1`),
          client.get(`/threads/${shared.id}/messages?after_seq=${ours.seq - 1}&limit=1`),
          client.get(`/threads/${own[n].id}`),
          client.get(`/messages/${ours.id}`),
        ]);
        expect(last.body).toMatchObject({ data: [mine], total: turn, version: turn + 1 });
        expect(newest.body.data).toEqual([ours]);
        expect(thread.body).toMatchObject({ message_count: turn, version: turn + 1 });
        expect(alone.body).toEqual(ours);
      }
    };
    await Promise.all(clients.map(work));
    expect((await clients[0].get(`/threads/${shared.id}`)).body.message_count).toBe(200);
  });

  it('C16 what was edited, deleted or cleared is so for whoever reads next', async () => {
    const alice = await app.as('acme', 'alice');
    await Promise.all(
      times(10, async (n) => {
        const { id } = await alice.createThread(`Thread ${n}`);
        const [first, second] = await alice.addMessages(
          id,
          times(2, (m) => ({ role: 'user', content: `${m}` })),
        );
        const list = async () => (await alice.get(`/threads/${id}/messages`)).body.data as { content: object }[];
        await alice.patch(`/messages/${first.id}`, { content: 'edited' });
        expect((await list()).map(({ content }) => content)).toMatchObject([{ text: 'edited' }, { text: '1' }]);
        await alice.delete(`/messages/${second.id}`);
        expect(await list()).toHaveLength(1);
        await alice.delete(`/threads/${id}/messages`);
        expect(await list()).toEqual([]);
        await alice.delete(`/threads/${id}`);
        expectProblem(await alice.get(`/threads/${id}/messages`), 404, 'THREAD_NOT_FOUND');
      }),
    );
  });

  it('F53 a read that is refused refuses no other: 404, 400 and 200 side by side', async () => {
    const alice = await app.as('acme', 'alice');
    const { id } = await alice.createThread();
    const paths = [
      `/threads/${id}/messages`,
      '/threads/01940000-0000-7000-8000-00000000dead/messages',
      `/threads/${id}/messages?after=forged`,
      '/messages/01940000-0000-7000-8000-00000000dead',
      `/memory/${encodeURIComponent('no such key')}`,
      `/threads/${id}`,
    ];
    const answers = await Promise.all(times(120, (n) => alice.get(paths[n % paths.length])));
    const statuses = (from: Response[]) => from.map(({ status }) => status);
    expect(statuses(answers)).toEqual(times(20, () => [200, 404, 400, 404, 404, 200]).flat());
  });
});
