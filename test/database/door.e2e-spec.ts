import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate';
import type { TenantDatabase, TenantTx } from '../../src/database/door/tenant-database';
import { Thread } from '../../src/threads/thread.entity';
import { asAdmin, cloneDatabase, emptyDatabase, type TestDatabase } from '../support/world/database';
import { type Door, openDoor } from '../support/world/door';
import { userUrl } from '../support/world/urls';

const ONE_CONNECTION = { DB_POOL_SIZE: '1', DB_MAX_OVERFLOW: '0' };
const ORGANIZATIONS = ['acme', 'globex', "o'hara", 'initech', 'umbrella'];

/** Without any filter, on purpose. */
const ALL_THREADS = 'SELECT org_id, name FROM threads';
const seen = (tx: TenantTx) => tx.query<{ org_id: string; name: string }>(ALL_THREADS);
const organizationsOf = (rows: { org_id: string }[]) => [...new Set(rows.map((row) => row.org_id))];
const swallow = () => undefined;

async function fill(database: TestDatabase): Promise<void> {
  for (const org of ORGANIZATIONS) {
    await database.pool.query('INSERT INTO organizations (id) VALUES ($1)', [org]);
    await database.pool.query(`INSERT INTO users (org_id, id) VALUES ($1, 'alice')`, [org]);
    await database.pool.query(
      `INSERT INTO threads (org_id, id, user_id, name)
       SELECT $1, gen_random_uuid(), 'alice', 'thread ' || n FROM generate_series(1, 3) n`,
      [org],
    );
  }
}

describe('TenantDatabase', () => {
  let database: TestDatabase;
  let door: Door;

  beforeAll(async () => {
    database = await cloneDatabase();
    await fill(database);
    door = await openDoor(database.url, ONE_CONNECTION);
  });

  afterAll(async () => {
    await door.close();
    await database.drop();
  });

  const methods = ['run', 'runOne', 'read', 'readOne'] as const;

  it.each(methods)('%s shows the own organization only, though the filter is missing', async (method) => {
    for (const orgId of ORGANIZATIONS) {
      const rows = await door.db[method]({ orgId }, seen);
      expect(rows).toHaveLength(3);
      expect(organizationsOf(rows)).toEqual([orgId]);
    }
  });

  it("a TypeORM repository of the transaction sees the own organization's rows only, and rolls back with it", async () => {
    const found = await door.db.read({ orgId: 'acme' }, (tx) => tx.repo(Thread).find());
    expect(found).toHaveLength(3);
    expect(organizationsOf(found)).toEqual(['acme']);
    const undone = door.db.run({ orgId: 'acme' }, async (tx) => {
      expect(await tx.repo(Thread).update({ user_id: 'alice' }, { name: 'lost' })).toMatchObject({ affected: 3 });
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    const { rows } = await database.pool.query(`SELECT 1 FROM threads WHERE name = 'lost'`);
    expect(rows).toEqual([]);
  });

  it.each(['run', 'runOne'] as const)('%s changes no foreign row, though the filter is missing', async (method) => {
    const changed = await door.db[method]({ orgId: 'acme' }, (tx) =>
      tx.execute(`UPDATE threads SET status = 'archived'`),
    );
    expect(changed).toBe(3);
    expect(await door.db[method]({ orgId: 'nobody' }, (tx) => tx.execute('DELETE FROM threads'))).toBe(0);
    const { rows } = await database.pool.query(`SELECT DISTINCT org_id FROM threads WHERE status = 'archived'`);
    expect(rows).toEqual([{ org_id: 'acme' }]);
  });

  it('cannot write a row into another organization, nor move one there', async () => {
    const write = (statement: string) => door.db.run({ orgId: 'acme' }, (tx) => tx.query(statement));
    const insert = `INSERT INTO threads (org_id, id, user_id, name) VALUES ('globex', gen_random_uuid(), 'alice', 'x')`;
    await expect(write(insert)).rejects.toThrow(/row-level security/);
    await expect(write(`UPDATE threads SET org_id = 'globex'`)).rejects.toThrow(/row-level security/);
  });

  it('refuses a tenant without a name, and shows an unset one nothing', async () => {
    await expect((async () => door.db.run({ orgId: '' }, seen))()).rejects.toThrow(/needs an organization/);
    const forget = async (tx: TenantTx) => {
      await tx.query('RESET app.org_id');
      const unset = await seen(tx);
      await tx.query(`SET LOCAL app.org_id = ''`);
      return [...unset, ...(await seen(tx))];
    };
    expect(await door.db.run({ orgId: 'acme' }, forget)).toEqual([]);
  });

  it('read and readOne are read-only', async () => {
    const write = (tx: TenantTx) => tx.execute(`UPDATE threads SET name = 'x'`);
    const refused = { cause: { message: expect.stringMatching(/read-only/) } };
    await expect(door.db.read({ orgId: 'acme' }, write)).rejects.toMatchObject(refused);
    await expect(door.db.readOne({ orgId: 'acme' }, write)).rejects.toMatchObject(refused);
  });

  it.each(['runOne', 'readOne'] as const)('%s sends one statement and no second', async (method) => {
    const late = door.db[method]({ orgId: 'acme' }, async (tx) => {
      await tx.query('SELECT 1');
      return tx.query('SELECT 2');
    });
    await expect(late).rejects.toThrow(/opened for one statement/);
    const both = door.db[method]({ orgId: 'acme' }, (tx) => Promise.all([tx.query('SELECT 1'), tx.query('SELECT 2')]));
    await expect(both).rejects.toThrow(/opened for one statement/);
    expect(organizationsOf(await door.db.readOne({ orgId: 'globex' }, seen))).toEqual(['globex']);
  });

  it('sends nothing more once the transaction is over', async () => {
    let kept: TenantTx | undefined;
    await door.db.run({ orgId: 'acme' }, async (tx) => void (kept = tx));
    await expect(kept!.query(ALL_THREADS)).rejects.toThrow(/over/);
  });

  it('rolls back what threw, and what PostgreSQL refused', async () => {
    const rename = (tx: TenantTx) => tx.execute(`UPDATE threads SET name = 'half'`);
    const thrown = door.db.run({ orgId: 'acme' }, async (tx) => {
      await rename(tx);
      throw new Error('changed my mind');
    });
    await expect(thrown).rejects.toThrow('changed my mind');
    const swallowed = door.db.run({ orgId: 'acme' }, async (tx) => {
      await rename(tx);
      await tx.query('SELECT 1 / 0').catch(swallow);
    });
    await expect(swallowed).rejects.toThrow(/rolled back/);
    expect((await database.pool.query(`SELECT FROM threads WHERE name = 'half'`)).rowCount).toBe(0);
  });

  it('survives the death of its connection in the middle of a transaction', async () => {
    const killed = door.db.run({ orgId: 'acme' }, async (tx) => {
      const [{ pid }] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.pool.query('SELECT pg_terminate_backend($1)', [pid]);
      // The last attempt of three meets a living connection only if nobody kills it: this work always does.
      return seen(tx);
    });
    await expect(killed).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    for (const orgId of ORGANIZATIONS) {
      expect(organizationsOf(await door.db.run({ orgId }, seen))).toEqual([orgId]);
    }
  });

  it('C43 tries again when the connection died before the commit', async () => {
    let attempts = 0;
    const rows = await door.db.run({ orgId: 'acme' }, async (tx) => {
      attempts += 1;
      const [{ pid }] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      if (attempts === 1) await database.pool.query('SELECT pg_terminate_backend($1)', [pid]);
      return seen(tx);
    });
    expect([attempts, organizationsOf(rows)]).toEqual([2, ['acme']]);
  });

  it('shows 10,000 alternating tenants on one connection 0 foreign rows, whatever failed in between', async () => {
    let foreign = 0;
    let answers = 0;
    const look = async (turn: number) => {
      const orgId = ORGANIZATIONS[turn % ORGANIZATIONS.length];
      await disturb(door.db, turn);
      const rows = await door.db[methods[turn % 4]]({ orgId }, seen);
      answers += rows.length;
      foreign += rows.filter((row) => row.org_id !== orgId).length;
    };
    for (let turn = 0; turn < 10_000; turn += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, index) => look(turn + index)));
    }
    expect({ foreign, answers }).toEqual({ foreign: 0, answers: 30_000 });
    const { rows } = await database.pool.query(
      `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'throughline'`,
    );
    expect(rows[0].count).toBe(1);
  }, 900_000);
});

/** Every now and then, as another tenant: a refused statement, work that throws, a statement that takes too long. */
async function disturb(db: TenantDatabase, turn: number): Promise<void> {
  const tenant = { orgId: ORGANIZATIONS[(turn + 1) % ORGANIZATIONS.length] };
  const twice = `INSERT INTO threads SELECT * FROM threads`;
  if (turn % 7 === 0) await expect(db.run(tenant, (tx) => tx.query(twice))).rejects.toThrow(/duplicate key/);
  if (turn % 11 === 0) await expect(db.runOne(tenant, (tx) => tx.query(twice))).rejects.toThrow(/duplicate key/);
  if (turn % 13 === 0) await expect(db.run(tenant, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  if (turn % 17 === 0) await expect(db.readOne(tenant, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  // Only these two have a short limit: on a busy machine, any other statement may take as long.
  const slow = (tx: TenantTx) => tx.query('SELECT pg_sleep(60)');
  const short = (tx: TenantTx) => tx.query('SET LOCAL statement_timeout = 25').then(() => slow(tx));
  const late = { code: 'STATEMENT_TIMEOUT' };
  if (turn % 211 === 0) await expect(db.run(tenant, short)).rejects.toMatchObject(late);
  if (turn % 223 === 0) await expect(db.readOne(tenant, slow, { timeoutMs: 25 })).rejects.toMatchObject(late);
}

describe('The users of the database', () => {
  const suffix = randomBytes(4).toString('hex');
  const [owner, application] = [`tl_owner_${suffix}`, `tl_application_${suffix}`];
  let database: TestDatabase;

  beforeAll(async () => {
    await asAdmin(`CREATE ROLE ${owner} LOGIN CREATEROLE PASSWORD 'owner'`);
    await asAdmin(`CREATE ROLE ${application} LOGIN PASSWORD 'application'`);
  });

  beforeEach(async () => {
    database = await emptyDatabase();
    await database.pool.query(`ALTER SCHEMA public OWNER TO ${owner}`);
    await database.pool.query(
      `GRANT CONNECT, CREATE ON DATABASE ${new URL(database.url).pathname.slice(1)} TO ${owner}`,
    );
    // The roles exist already, made by the superuser of this server: their use is a superuser's to give.
    await asAdmin(`GRANT throughline_app, throughline_system, throughline_search TO ${owner} WITH ADMIN OPTION`);
  });

  afterEach(() => database.drop());

  afterAll(async () => {
    await asAdmin(`DROP ROLE ${application}`);
    await asAdmin(`DROP ROLE ${owner}`);
  });

  /** Two organizations' rows through the door, then a look at all of them without a filter. */
  async function expectTenancy(url: string): Promise<void> {
    await fill(database);
    const door = await openDoor(url);
    try {
      for (const orgId of ORGANIZATIONS) {
        const rows = await door.db.run({ orgId }, seen);
        expect([rows.length, organizationsOf(rows)]).toEqual([3, [orgId]]);
      }
    } finally {
      await door.close();
    }
  }

  it('may be one: an owner of the schema who is no superuser, and is bound by the policies as well', async () => {
    const url = userUrl(database.url, owner, 'owner');
    await migrate({ url, ownerUrl: url });
    await expectTenancy(url);
    const pool = new DataSource({ type: 'postgres', url });
    await pool.initialize();
    expect(await pool.query(ALL_THREADS)).toEqual([]);
    await pool.destroy();
  });

  it('may be two: an owner for the migrations, and an application that owns nothing', async () => {
    const url = userUrl(database.url, application, 'application');
    await migrate({ url, ownerUrl: userUrl(database.url, owner, 'owner') });
    await expectTenancy(url);
    const pool = new DataSource({ type: 'postgres', url });
    await pool.initialize();
    await expect(pool.query('DROP TABLE messages')).rejects.toThrow(/must be owner/);
    await pool.destroy();
  });
});
