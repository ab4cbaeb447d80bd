import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { errorCodes } from '../../src/common/errors';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem, type Headers, type Response } from '../support/world/client';
import {
  hostileHeaders,
  hostileValue,
  ODD_QUERY_VALUES,
  ODD_VALUES,
  rawBody,
  rawId,
  rawQuery,
} from '../support/api/hostile';
import { brokenCounters } from '../support/world/integrity';
import { fieldsOf, type Operation, readOperations } from '../support/api/openapi';
import { bodyOf, fillPath, resourceOf } from '../support/api/resources';

const SOAK = process.env.SOAK === '1';
const RUNS = SOAK ? 20_000 : 1_000;
/** Fixed in CI, so that a failure is the change's own; `FUZZ_SEED` or a soak looks elsewhere. */
const SEED = process.env.FUZZ_SEED ? Number(process.env.FUZZ_SEED) : SOAK ? Date.now() : 42;

jest.setTimeout(1_200_000);

type Body =
  | { kind: 'none' }
  | { kind: 'sample' }
  | { kind: 'value'; value: unknown }
  | { kind: 'raw'; raw: string | Buffer }
  | { kind: 'mutated'; changes: [pick: number, value: unknown][] };

const body: fc.Arbitrary<Body> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Body>({ kind: 'none' }) },
  { weight: 2, arbitrary: fc.constant<Body>({ kind: 'sample' }) },
  { weight: 2, arbitrary: hostileValue.map((value): Body => ({ kind: 'value', value })) },
  { weight: 3, arbitrary: rawBody.map((raw): Body => ({ kind: 'raw', raw })) },
  {
    weight: 10,
    arbitrary: fc
      .array(fc.tuple(fc.nat(), hostileValue), { minLength: 1, maxLength: 3 })
      .map((changes): Body => ({ kind: 'mutated', changes })),
  },
);

const UNKNOWN_FIELDS = ['__proto__', 'constructor', 'zzz', '', 'toString'];

/** The sample with some fields replaced, or added, or (for every fifth pick) removed; in a batch for every third body. */
function mutate(operation: Operation, changes: [number, unknown][]): unknown {
  const known = fieldsOf(operation.body);
  const sample = Object(bodyOf(operation)) as object;
  const fields = [...known, ...known, ...Object.keys(sample), ...UNKNOWN_FIELDS];
  const entries = new Map<string, unknown>(Object.entries(sample));
  for (const [pick, value] of changes) {
    const field = fields[pick % fields.length];
    if (pick % 5 === 0) entries.delete(field);
    else entries.set(field, value);
  }
  // fromEntries makes `__proto__` an own key, as JSON.parse does.
  const body = Object.fromEntries(entries);
  const list = ['messages', 'threads'].find((name) => known.includes(name));
  return list && changes[0][0] % 3 === 0 ? { [list]: [sample, body] } : body;
}

function payload(operation: Operation, sent: Body): { body?: unknown; raw?: string | Buffer } {
  if (sent.kind === 'none' || operation.method === 'GET') return {};
  if (sent.kind === 'sample') return { body: bodyOf(operation) };
  if (sent.kind === 'mutated') return { body: mutate(operation, sent.changes) };
  return sent.kind === 'raw' ? { raw: sent.raw } : { body: sent.value };
}

const cut = (value: unknown) => (JSON.stringify(value) ?? '').slice(0, 200);

describe('Bad input', () => {
  let app: TestApp;
  let operations: Operation[];
  let member: Client;
  let admin: Client;
  let exporter: Client;
  let witness: { id: string; client: Client; before: unknown };
  const ids = new Map<string, string>();

  const clientFor = ({ path }: Operation): Client => {
    if (/^\/api\/(keys|admin|users)|^\/metrics/.test(path)) return admin;
    // Whoever exports everything has little: the member's threads are thousands in the end.
    return /^\/api\/\w+\/export$/.test(path) ? exporter : member;
  };

  /** Living ids to aim at, one for each path. */
  const makeIds = async (of = operations) => {
    for (const operation of of.filter(({ pathParams }) => pathParams.length > 0)) {
      ids.set(operation.path, await resourceOf(operation).create(clientFor(operation)));
    }
  };
  /** After a removal: what has an id in its path removes that one, the others remove many. */
  const replaceIds = ({ path, pathParams }: Operation) =>
    makeIds(pathParams.length > 0 ? operations.filter((other) => other.path === path).slice(0, 1) : operations);

  const look = async (client: Client, id: string) => [
    (await client.get(`/threads/${id}`)).body,
    await client.all(`/threads/${id}/messages`),
    (await client.get('/sessions/witness?include=messages')).body,
  ];

  /** Moves with every write to anything that a caller can see. */
  const state = async (): Promise<unknown> => {
    const { rows } = await app.db.query(`
      SELECT (SELECT count(*) FROM threads) AS threads, (SELECT sum(version) FROM threads) AS versions,
        (SELECT count(*) FROM messages) AS messages, (SELECT max(updated_at) FROM messages) AS updated,
        (SELECT md5(string_agg(c::text, '' ORDER BY org_id, user_id)) FROM current_threads c) AS current,
        (SELECT md5(string_agg(s::text, '' ORDER BY org_id, user_id, id)) FROM sessions s) AS sessions,
        (SELECT count(*) FROM memories) AS memories, (SELECT sum(version) FROM memories) AS saves,
        (SELECT count(*) FROM api_keys) AS keys, (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL) AS living`);
    return rows[0];
  };

  beforeAll(async () => {
    // Without a cap: the many sessions on the way would put the witness's to sleep.
    app = await startTestApp({ SESSION_MAX_CONCURRENT: '0' });
    operations = await readOperations(app.anonymous());
    member = await app.as('acme', 'alice');
    admin = await app.as('globex', 'root', 'admin');
    exporter = await app.as('acme', 'exporter');
    await exporter.addMessage((await exporter.createThread()).id);
    const client = await app.as('acme', 'witness');
    const { id } = await client.createThread('Witness', { metadata: { a: [1, null, 'ü'] } });
    await client.addMessages(
      id,
      Array.from({ length: 5 }, (_, index) => ({ role: 'user', content: `Message ${index}` })),
    );
    await client.post('/sessions', { session_id: 'witness', variables: { a: 1 }, metadata: { b: [null] } });
    await client.post('/sessions/witness/messages', { role: 'user', content: 'Message' });
    witness = { id, client, before: await look(client, id) };
    await makeIds();
  });

  afterAll(() => app.close());

  function check(answer: Response): void {
    if (answer.status < 400) return;
    if (answer.status >= 500) throw new Error(`${answer.status} ${answer.text}`);
    expectProblem(answer, answer.status);
    expect(errorCodes.get(answer.body.code)).toMatchObject({ status: answer.status });
  }

  it(`is refused ${RUNS} times with a reason, and leaves nothing behind (seed ${SEED})`, async () => {
    let before = await state();
    const statuses = new Map<number, number>();
    const request = fc.integer({ min: 0, max: operations.length - 1 }).chain((index) =>
      fc.record({
        index: fc.constant(index),
        id: fc.option(rawId, { freq: 2 }),
        query: fc.oneof(
          { weight: 3, arbitrary: fc.constant('') },
          { weight: 2, arbitrary: rawQuery(operations[index]) },
        ),
        headers: hostileHeaders,
        body,
      }),
    );
    const property = fc.asyncProperty(request, async ({ index, id, query, headers, body }) => {
      const operation = operations[index];
      const target = id ?? ids.get(operation.path) ?? '';
      const path = `/${fillPath(operation.path, target)}${query && `?${query}`}`;
      const sent = payload(operation, body);
      const type: Headers = sent.raw === undefined ? {} : { 'content-type': 'application/json' };
      const answer = await clientFor(operation).send(operation.method, path, {
        ...sent,
        headers: { ...type, ...headers },
      });
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      check(answer);
      const after = await state();
      if (answer.status >= 400) expect(after).toEqual(before);
      const removed = operation.method === 'DELETE' && answer.status < 300;
      if (removed) await replaceIds(operation);
      before = removed ? await state() : after;
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });

    // Were everything refused at the door, nothing would have been tested.
    expect(statuses.get(200)).toBeGreaterThan(RUNS / 50);
    expect(statuses.get(400)).toBeGreaterThan(RUNS / 20);
    expect(await brokenCounters(app.db)).toEqual([]);
    expect(await look(witness.client, witness.id)).toEqual(witness.before);
    expect((await app.anonymous().get('/health/ready')).status).toBe(200);
  });

  const aim = (operation: Operation) => `/${fillPath(operation.path, ids.get(operation.path) ?? '')}`;

  /** Of the odd values, every third in `npm test`: the next parameter or field has the next third. A soak has all. */
  let turn = 0;
  const some = <T>(values: T[]): T[] => {
    turn += 1;
    return SOAK ? values : values.filter((_, index) => (index + turn) % 3 === 0);
  };

  it('is refused in every parameter and every field, one odd value at a time', async () => {
    const failures: string[] = [];
    let removed: Operation | undefined;
    const send = async (operation: Operation, path: string, body?: unknown) => {
      let answer = await clientFor(operation).send(operation.method, path, { body });
      // So many searches at once are more than an instance runs: they come again, as the answer says.
      for (let tries = 0; answer.body?.code === 'SEARCH_BUSY' && tries < 20; tries += 1) {
        await sleep(Number(answer.headers['retry-after']) * 1000);
        answer = await clientFor(operation).send(operation.method, path, { body });
      }
      if (answer.status < 400 && operation.method === 'DELETE') removed = operation;
      const known = answer.status < 400 || errorCodes.get(answer.body.code)?.status === answer.status;
      if (answer.status >= 500 || !known)
        failures.push(`${operation.method} ${path} ${cut(body)}: ${cut(answer.body)}`);
    };
    const all = async (requests: Promise<void>[]) => {
      await Promise.all(requests);
      if (removed) await replaceIds(removed);
      removed = undefined;
    };
    for (const operation of operations) {
      for (const { name } of operation.query) {
        await all(
          some(ODD_QUERY_VALUES).map((value) =>
            send(operation, `${aim(operation)}?${name}=${value}`, bodyOf(operation)),
          ),
        );
      }
      for (const field of [...fieldsOf(operation.body), ...(operation.body ? UNKNOWN_FIELDS : [])]) {
        const sample = Object.entries(Object(bodyOf(operation)) as object);
        await all(
          some(ODD_VALUES).map((value) =>
            send(operation, aim(operation), Object.fromEntries([...sample, [field, value]])),
          ),
        );
      }
    }
    expect(failures).toEqual([]);
    expect(await brokenCounters(app.db)).toEqual([]);
  });

  it('X08 is refused on every route that takes a body when it has 11 MB', async () => {
    const before = await state();
    const raw = Buffer.from(JSON.stringify({ name: 'x'.repeat(11 * 1024 * 1024) }));
    for (const operation of operations.filter(({ body }) => body)) {
      const path = aim(operation);
      const headers = { 'content-type': 'application/json' };
      // Before anything is read of it, a caller who may not is 403.
      expectProblem(await admin.send(operation.method, path, { raw, headers }), 413, 'BODY_TOO_LARGE');
    }
    expect(await state()).toEqual(before);
  });

  it('is refused also on routes and with methods that do not exist', async () => {
    const paths = [
      '/nope',
      '/threads/',
      '/threads//messages',
      '/../etc/passwd',
      '/%2e%2e/threads',
      '//',
      '//api',
      '//nope',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await member.send(method, path);
        expect(answer.status).toBeLessThan(500);
        check(answer);
      }
    }
  });
});
