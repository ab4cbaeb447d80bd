import type { Role } from '../../src/organizations/principal';
import { startTestApp, type TestApp, type TestEnvironment } from './world/app';
import type { Client } from './world/client';
import { brokenCounters } from './world/integrity';

/**
 * A server of this suite's own and the people that most suites need, all of the organization acme.
 *
 *     describe('Names of threads', () => {
 *       const { app, alice, mallory, thread } = world();      // variables of the server, if any, go into the call
 *
 *       it('renames a thread', async () => {
 *         const id = await thread('Tokyo', 'Find a hotel', 'There are three.');
 *         expect((await alice.patch(`/threads/${id}`, { name: 'Kyoto' })).status).toBe(200);
 *         expectProblem(await mallory.patch(`/threads/${id}`, { name: 'mine' }), 404, 'THREAD_NOT_FOUND');
 *       });
 *     });
 *
 * The call registers `beforeAll` and `afterAll`: it starts the server, makes a key for each client that the suite
 * named, and at the end checks the counters of all threads (C40) and closes the server. Its `afterAll` runs before those
 * that the suite registers later.
 */
export function world(env: TestEnvironment = {}): World {
  const made = new World();
  beforeAll(() => made.begin(env));
  afterAll(() => made.end());
  return made;
}

class World {
  private started?: TestApp;
  private readonly named: (() => Promise<void>)[] = [];
  private users = 0;

  readonly app = later(() => this.started, 'The server');

  get alice(): Client {
    return this.someone('alice');
  }
  get bob(): Client {
    return this.someone('bob');
  }
  get admin(): Client {
    return this.someone('root', 'admin');
  }
  /** A service, which acts for the user `worker`. */
  get service(): Client {
    return this.someone('worker', 'service');
  }
  /** A member with whom nobody shares anything. */
  get mallory(): Client {
    return this.someone('mallory');
  }
  /** Who must not learn of anything of Alice's: mallory, and of another organization an alice and an admin. */
  get strangers(): Client[] {
    return [this.mallory, this.someone('alice', 'member', 'globex'), this.someone('root', 'admin', 'globex')];
  }

  /** Somebody else; to be called where the suite is described. In a test `app.as(…)` does the same. */
  readonly someone = (userId: string, role: Role = 'member', orgId = 'acme'): Client => {
    let client: Client | undefined;
    this.named.push(async () => void (client = await this.app.as(orgId, userId, role)));
    return later(() => client, userId);
  };

  /** A member whom no other test has met. */
  readonly newUser = (): Promise<Client> => this.app.as('acme', `user${(this.users += 1)}`);

  /** The id of a new thread of Alice's, in which the user and the assistant say these texts in turn. */
  readonly thread = async (name?: string, ...texts: string[]): Promise<string> => {
    const alice = await this.app.as('acme', 'alice');
    const { id } = await alice.createThread(name);
    if (texts.length > 0) await alice.addMessages(id, texts.map(inTurn));
    return id;
  };

  /** The same as a session of Alice's. */
  readonly session = async (...texts: string[]): Promise<string> => {
    const alice = await this.app.as('acme', 'alice');
    const { body } = await alice.post('/sessions', {});
    if (texts.length > 0) await alice.post(`/sessions/${body.id}/messages`, { messages: texts.map(inTurn) });
    return body.id;
  };

  /** Alice, or another client, says something in a session. */
  readonly say = async (sessionId: string, content = 'Hello', client?: Client) => {
    const by = client ?? (await this.app.as('acme', 'alice'));
    return by.post(`/sessions/${sessionId}/messages`, { role: 'user', content });
  };

  async begin(env: TestEnvironment): Promise<void> {
    this.started = await startTestApp(env);
    await Promise.all(this.named.map((make) => make()));
  }

  async end(): Promise<void> {
    if (!this.started) return;
    try {
      expect(await brokenCounters(this.started.db)).toEqual([]);
    } finally {
      await this.started.close();
    }
  }
}

const inTurn = (content: string, n: number) => ({ role: n % 2 ? 'assistant' : 'user', content });

/** Stands for an object that is made later. */
function later<T extends object>(find: () => T | undefined, name: string): T {
  return new Proxy({} as T, {
    get(_, key) {
      const object = find();
      if (!object) throw new Error(`${name} is there only once the tests run`);
      const value: unknown = Reflect.get(object, key);
      return typeof value === 'function' ? value.bind(object) : value;
    },
  });
}
