import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from '../../src/database/door/sql';
import type { TenantTx } from '../../src/database/door/tenant-database';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { type Door, openDoor, readingOrganizations } from '../support/world/door';
import { eventually } from '../support/world/events';

const ACME = { orgId: 'acme' };
const SMALL = { rows: 1 };
/** As many as one transaction takes, behind the first two, which find both lanes free. */
const BURST = 18;

interface Place {
  org: string;
  pid: number;
  began: string;
}

/** Where a read happened: each transaction has a connection and a beginning of its own. */
const PLACE = `SELECT current_setting('app.org_id') AS org, pg_backend_pid() AS pid, now()::text AS began`;
const LOOK = sql<never, Place>('look')`${PLACE}`;
const DIVIDE = sql<'by'>('divide')`SELECT 1 / :by::int`;
const MINE = sql<'n', Place & { n: number }>('mine')`SELECT :n::int AS n, place.* FROM (${PLACE}) place`;
const NO_TABLE = sql('no_table')`SELECT * FROM no_such_table`;
const NO_VALUE = sql<'value'>('no_value')`SELECT :value::jsonb`;
const NO_NUMBER = sql<'number'>('no_number')`SELECT :number::int`;
const look = async (tx: TenantTx) => (await tx.query(LOOK))[0];
const lookFirst = async (tx: TenantTx) => (await tx.query<Place>(PLACE))[0];
const divide = (tx: TenantTx) => tx.query(DIVIDE, { by: 0 });
const transactions = (places: Place[]) => new Set(places.map(({ pid, began }) => `${pid} ${began}`)).size;
const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));

type Work = (tx: TenantTx) => Promise<unknown>;

describe.each([1, 5])('Reads that wait at the same time, over %s connections', (connections) => {
  let database: TestDatabase;
  let door: Door;

  beforeAll(async () => {
    database = await cloneDatabase();
    await database.pool.query(`INSERT INTO organizations (id) VALUES ('acme'), ('globex')`);
  });
  beforeEach(async () => {
    const size = { DB_POOL_SIZE: `${connections}`, DB_MAX_OVERFLOW: '0' };
    // Fresh connections: nothing is prepared on them.
    door = await openDoor(database.url, size);
  });
  afterEach(async () => {
    await expectWholePool().finally(() => door.close());
  });
  afterAll(() => database.drop());

  const read = <T>(work: (tx: TenantTx) => Promise<T>, tenant = ACME) => door.db.readOne(tenant, work, SMALL);

  /** Nobody holds a lane or a connection any more, and each connection serves both kinds of reads. */
  async function expectWholePool(): Promise<void> {
    // Who reads has the answer before the transaction is at its end.
    await eventually(() => readingOrganizations(door) === 0);
    const alone = await Promise.all(times(connections * 2, () => door.db.run(ACME, look)));
    expect(alone.map(({ org }) => org)).toEqual(Array(connections * 2).fill('acme'));
    expect((await read(look, { orgId: 'globex' })).org).toBe('globex');
    const open = `SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'throughline'`;
    await eventually(async () => {
      const { rows } = await database.pool.query<{ state: string }>(open);
      return rows.length <= connections && rows.every(({ state }) => state === 'idle');
    }, 60_000);
  }

  /** These works among others, all but the first two reads in one transaction. */
  async function amongOthers(...works: Work[]) {
    const good: Promise<Place>[] = [];
    const strange: Promise<unknown>[] = [];
    const spread = Math.floor((BURST - 2) / works.length);
    for (let n = 0; n < BURST; n += 1) {
      const work = n >= 2 && (n - 2) % spread === 0 ? works[(n - 2) / spread] : undefined;
      if (work) strange.push(read(work));
      // Where one has failed, those behind it may be the first that would prepare their statement.
      else good.push(read(n < 2 ? lookFirst : look));
    }
    const [outcomes, places] = await Promise.all([Promise.allSettled(strange), Promise.all(good)]);
    expect(places).toHaveLength(BURST - works.length);
    expect(places.map(({ org }) => org)).toEqual(Array(places.length).fill('acme'));
    return { outcomes, places };
  }

  const reasons = (outcomes: PromiseSettledResult<unknown>[]) =>
    outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error).message : 'fulfilled'));

  it('F53 100 reads at once share fewer than 12 transactions, each with an answer of its own', async () => {
    const mine = async (tx: TenantTx, n: number) => (await tx.query(MINE, { n }))[0];
    const answers = await Promise.all(times(100, (n) => read((tx) => mine(tx, n))));
    expect(answers.map(({ n }) => n)).toEqual(times(100, (n) => n));
    expect(transactions(answers)).toBeLessThan(12);
    expect(transactions(answers)).toBeGreaterThanOrEqual(Math.ceil(100 / 16));
  });

  it('two organizations never share one', async () => {
    const tenants = times(100, (n) => ({ orgId: n % 2 === 0 ? 'acme' : 'globex' }));
    const answers = await Promise.all(tenants.map((tenant) => read(look, tenant)));
    expect(answers.map(({ org }) => org)).toEqual(tenants.map(({ orgId }) => orgId));
    const of = (orgId: string) => answers.filter(({ org }) => org === orgId);
    expect(transactions(answers)).toBe(transactions(of('acme')) + transactions(of('globex')));
  });

  it('one after the other, each has a transaction of its own', async () => {
    const places: Place[] = [];
    for (let n = 0; n < 5; n += 1) places.push(await read(look));
    expect(transactions(places)).toBe(5);
  });

  it('a large read, one without a size and one with a time limit go alone', async () => {
    const options = [{ rows: 251 }, {}, { rows: 1, timeoutMs: 1000 }];
    for (const option of options) {
      const places = await Promise.all(times(20, () => door.db.readOne(ACME, look, option)));
      expect(transactions(places)).toBe(20);
    }
    const places = await Promise.all(times(20, () => door.db.readOne(ACME, look, { rows: 250 })));
    expect(transactions(places)).toBeLessThan(20);
  });

  it('a statement that fails, fails alone', async () => {
    const { outcomes, places } = await amongOthers(look, divide, divide);
    expect(outcomes[0]).toMatchObject({ status: 'fulfilled', value: { org: 'acme' } });
    expect(reasons(outcomes.slice(1))).toEqual(Array(2).fill('division by zero'));
    // Those in front of the first that failed did not have to go again.
    expect(transactions(places)).toBeLessThan(places.length);
  });

  it('a statement that cannot be prepared, or whose values cannot be sent, fails alone', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const { outcomes } = await amongOthers(
      (tx) => tx.query(NO_TABLE),
      (tx) => tx.query(NO_VALUE, { value: circle }),
      (tx) => tx.query(NO_NUMBER, { number: 'x' }),
      (tx) => tx.query({ ...LOOK, text: 'SELECT 2' }),
    );
    expect(reasons(outcomes)).toEqual([
      expect.stringMatching(/no_such_table/),
      expect.stringMatching(/circular/),
      expect.stringMatching(/invalid input syntax/),
      expect.stringMatching(/must be unique/),
    ]);
  });

  it('a statement that takes too long fails alone, as STATEMENT_TIMEOUT', async () => {
    await door.close();
    const size = { DB_POOL_SIZE: `${connections}`, DB_MAX_OVERFLOW: '0' };
    door = await openDoor(database.url, { ...size, DB_STATEMENT_TIMEOUT_MS: '2000' });
    const { outcomes } = await amongOthers((tx) => tx.query('SELECT pg_sleep(60)'));
    expect(outcomes).toMatchObject([{ status: 'rejected', reason: { code: 'STATEMENT_TIMEOUT' } }]);
  });

  it('C19 is read-only', async () => {
    const { outcomes } = await amongOthers((tx) => tx.execute(`UPDATE organizations SET id = 'x'`));
    // As where a standby has taken the place of the server.
    expect(outcomes).toMatchObject([{ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE' } }]);
  });

  it('C19 takes one statement each, sent at once or later; whoever breaks this does not disturb the others', async () => {
    const { outcomes, places } = await amongOthers(
      () => Promise.reject(new Error('not now')),
      () => {
        throw new Error('not at all');
      },
      (tx) => Promise.all([tx.query('SELECT 1'), tx.query('SELECT 2')]),
      async (tx) => {
        await tx.query('SELECT 1');
        return tx.query('SELECT 2');
      },
      async (tx) => {
        await Promise.resolve();
        return tx.query('SELECT 1');
      },
      () => Promise.resolve('sent nothing'),
    );
    expect(transactions(places)).toBe(3);
    expect(reasons(outcomes)).toEqual([
      'not now',
      'not at all',
      expect.stringMatching(/opened for one statement/),
      expect.stringMatching(/opened for one statement/),
      'fulfilled',
      'fulfilled',
    ]);
  });

  it('sends nothing more once its transaction is over', async () => {
    const kept: TenantTx[] = [];
    await amongOthers(async (tx) => void kept.push(tx));
    await expect(kept[0].query('SELECT 1')).rejects.toThrow(/over/);
  });

  it('refuses a tenant without a name, and goes on', async () => {
    const nameless = times(5, () => read(look, { orgId: '' }));
    for (const outcome of await Promise.allSettled(nameless)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: /needs an organization/ } });
    }
    expect((await read(look)).org).toBe('acme');
  });

  it('whoever shares a connection that dies gets 503; those behind go on', async () => {
    // Time enough to be found asleep, however slow the machine is.
    const patient = await openDoor(database.url, { DB_POOL_SIZE: `${connections}`, DB_MAX_OVERFLOW: '0' });
    const asleep = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(25)'`;
    const dying = (tx: TenantTx) => tx.query('SELECT pg_sleep(25)');
    const reads = Promise.allSettled(
      times(60, (n) => patient.db.readOne<unknown>(ACME, n === 5 ? dying : look, SMALL)),
    );
    while ((await database.pool.query(asleep)).rowCount === 0) await sleep(5);
    const failed = (await reads).filter((outcome) => outcome.status === 'rejected');
    await patient.close();
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThanOrEqual(16);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });
  });

  /** All of the pool's connections, lent out until the end is called. */
  async function takeAll(from: Door) {
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const begun: Promise<void>[] = [];
    // Of several organizations: none has more than half of them.
    const taken = times(connections, (n) => {
      let began!: () => void;
      begun.push(new Promise((resolve) => (began = resolve)));
      return from.db.run({ orgId: `globex ${n}` }, async (tx) => {
        await tx.query('SELECT 1');
        began();
        await ended;
      });
    });
    // Whoever gets no connection fails the test, instead of keeping it waiting.
    await Promise.race([Promise.all(begun), Promise.all(taken)]);
    return async () => {
      end();
      await Promise.all(taken);
    };
  }

  it('nobody waits for those behind: an answer goes as soon as its own statement is done', async () => {
    const order: string[] = [];
    const note = (name: string, work: Work) => read(work).then(() => order.push(name));
    const slow = (tx: TenantTx) => tx.query('SELECT pg_sleep(0.5)');
    // The first two take the lanes; the others are one transaction.
    await Promise.all([
      note('lane', look),
      note('lane', look),
      note('quick', look),
      note('slow', slow),
      note('last', look),
    ]);
    expect(order.indexOf('quick')).toBeLessThan(order.indexOf('slow'));
    expect(order.slice(-2)).toEqual(['slow', 'last']);
  });

  it('F58 when every connection is taken for too long, all get 503, not only the first ones', async () => {
    const impatient = await openDoor(database.url, {
      ...{ DB_POOL_SIZE: `${connections}`, DB_MAX_OVERFLOW: '0', DB_POOL_TIMEOUT_MS: '2000' },
    });
    const giveBack = await takeAll(impatient);
    const reads = times(200, () => impatient.db.readOne(ACME, look, SMALL));
    const settled = Promise.allSettled(reads);
    await expect(
      Promise.any(reads.map(async (one) => one.then(() => Promise.reject(new Error('read')), Boolean))),
    ).resolves.toBe(true);
    // From here on there are connections again: whoever still waited would get one.
    await giveBack();
    const refused = (await settled).filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });
    // Both lanes may have taken their next reads just before these had waited for too long.
    expect(refused.length).toBeGreaterThanOrEqual(200 - 32);
    expect((await impatient.db.readOne(ACME, look, SMALL)).org).toBe('acme');
    await eventually(() => readingOrganizations(impatient) === 0);
    await impatient.close();
  });

  it('F58 whoever waited for too long behind a slow read gets 503', async () => {
    const impatient = await openDoor(database.url, {
      ...{ DB_POOL_SIZE: `${connections}`, DB_MAX_OVERFLOW: '0', DB_POOL_TIMEOUT_MS: '1500' },
    });
    // Opened before: on a busy machine, a login may take as long as a read may wait.
    await (
      await takeAll(impatient)
    )();
    const slow = (tx: TenantTx) => tx.query('SELECT pg_sleep(4.5)');
    const settled = Promise.allSettled(
      times(50, (n) => impatient.db.readOne<unknown>(ACME, n < 2 ? slow : look, SMALL)),
    );
    const outcomes = (await settled).slice(2 + 16);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE', status: 503 } });
    }
    expect((await impatient.db.readOne(ACME, look, SMALL)).org).toBe('acme');
    await eventually(() => readingOrganizations(impatient) === 0);
    await impatient.close();
  });

  it('forgets each organization when nobody of it reads any more', async () => {
    const tenants = times(300, (n) => ({ orgId: `organization ${n % 100}` }));
    const reads = tenants.map((tenant) => read(look, tenant));
    expect(readingOrganizations(door)).toBe(100);
    await Promise.all(reads);
    await eventually(() => readingOrganizations(door) === 0);
  });
});
