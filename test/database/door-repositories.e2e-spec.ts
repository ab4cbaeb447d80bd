import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantTx } from '../../src/database/door/tenant-database';
import { Thread } from '../../src/threads/thread.entity';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { type Door, openDoor } from '../support/world/door';

const ORGANIZATIONS = ['acme', 'globex'];
const [ACME, GLOBEX] = ORGANIZATIONS.map((orgId) => ({ orgId }));

/** Every kind of transaction; the last shares one with other reads. */
const KINDS = ['run', 'runOne', 'read', 'readOne', 'a shared readOne'] as const;
const WRITING = ['run', 'runOne'] as const;

/** Without any filter, on purpose. */
const findAll = (tx: TenantTx) => tx.repo(Thread).find();
const buildAll = (tx: TenantTx) => tx.repo(Thread).createQueryBuilder('t').getMany();
const organizationsOf = (rows: { org_id: string }[]) => [...new Set(rows.map((row) => row.org_id))];

describe("TypeORM's repositories behind the door", () => {
  let database: TestDatabase;
  let door: Door;

  beforeAll(async () => {
    database = await cloneDatabase();
    for (const org of ORGANIZATIONS) {
      await database.pool.query('INSERT INTO organizations (id) VALUES ($1)', [org]);
      await database.pool.query(`INSERT INTO users (org_id, id) VALUES ($1, 'alice')`, [org]);
    }
    door = await openDoor(database.url, { DB_POOL_SIZE: '2', DB_MAX_OVERFLOW: '0' });
  });

  beforeEach(async () => {
    await database.pool.query('DELETE FROM threads');
    await database.pool.query(
      `INSERT INTO threads (org_id, id, user_id, name)
       SELECT id, gen_random_uuid(), 'alice', 'thread ' || n FROM organizations, generate_series(1, 3) n`,
    );
  });

  afterAll(async () => {
    await door.close();
    await database.drop();
  });

  function inKind<T>(kind: (typeof KINDS)[number], tenant: { orgId: string }, work: (tx: TenantTx) => Promise<T>) {
    if (kind === 'a shared readOne') return door.db.readOne(tenant, work, { rows: 10 });
    return door.db[kind](tenant, work);
  }

  const namesOf = async (orgId: string) => {
    const { rows } = await database.pool.query<{ name: string }>(
      'SELECT DISTINCT name FROM threads WHERE org_id = $1 ORDER BY 1',
      [orgId],
    );
    return rows.map(({ name }) => name);
  };

  it('are tested as a superuser, whom no policy binds', async () => {
    const { rows } = await database.pool.query(`SELECT rolsuper FROM pg_roles WHERE rolname = current_user`);
    expect(rows).toEqual([{ rolsuper: true }]);
    const user = new URL(database.url).username;
    expect((await database.pool.query('SELECT current_user AS user')).rows).toEqual([{ user }]);
  });

  it.each(KINDS)('%s reads 0 foreign rows, by repository and query builder', async (kind) => {
    for (const tenant of [ACME, GLOBEX, ACME]) {
      for (const work of [findAll, buildAll]) {
        const rows = await inKind(kind, tenant, work);
        expect([rows.length, organizationsOf(rows)]).toEqual([3, [tenant.orgId]]);
      }
    }
    expect(await inKind(kind, { orgId: 'nobody' }, findAll)).toEqual([]);
  });

  it('many at once on two connections read 0 foreign rows', async () => {
    const tenants = Array.from({ length: 200 }, (_, n) => [ACME, GLOBEX][n % 2]);
    const found = await Promise.all(tenants.map((tenant, n) => inKind(KINDS[n % KINDS.length], tenant, findAll)));
    expect(found.map(organizationsOf)).toEqual(tenants.map(({ orgId }) => [orgId]));
  });

  it.each(WRITING)('%s updates, inserts and deletes 0 foreign rows', async (kind) => {
    const everything = (tx: TenantTx) => tx.repo(Thread).createQueryBuilder().update().set({ name: 'mine' }).execute();
    expect(await inKind(kind, ACME, everything)).toMatchObject({ affected: 3 });
    expect([await namesOf('acme'), await namesOf('globex')]).toEqual([['mine'], ['thread 1', 'thread 2', 'thread 3']]);
    const row = { id: '0197b0f0-0000-7000-8000-000000000001', user_id: 'alice', name: 'new', metadata: {} };
    const insert = (org_id: string) => (tx: TenantTx) => tx.repo(Thread).insert({ ...row, org_id });
    await expect(inKind(kind, ACME, insert('globex'))).rejects.toThrow(/row-level security/);
    await inKind(kind, ACME, insert('acme'));
    expect(await namesOf('acme')).toEqual(['mine', 'new']);
    const remove = (tx: TenantTx) => tx.repo(Thread).createQueryBuilder().delete().execute();
    expect(await inKind(kind, ACME, remove)).toMatchObject({ affected: 4 });
    expect([await namesOf('acme'), (await namesOf('globex')).length]).toEqual([[], 3]);
  });

  it.each(['read', 'readOne', 'a shared readOne'] as const)('%s refuses to write', async (kind) => {
    const rename = (tx: TenantTx) => tx.repo(Thread).update({ user_id: 'alice' }, { name: 'mine' });
    // PostgreSQL says read-only, as a standby does.
    await expect(inKind(kind, ACME, rename)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await namesOf('acme')).toHaveLength(3);
  });

  it.each(['runOne', 'readOne', 'a shared readOne'] as const)('%s sends no second statement', async (kind) => {
    const twice = async (tx: TenantTx) => [await tx.repo(Thread).find(), await tx.repo(Thread).find()];
    await expect(inKind(kind, ACME, twice)).rejects.toThrow(/opened for one statement/);
    const counted = inKind(kind, ACME, (tx) => tx.repo(Thread).findAndCount({ take: 1 }));
    await expect(counted).rejects.toThrow(/opened for one statement/);
  });

  it.each(KINDS)('%s waits for a statement that comes late', async (kind) => {
    const late = async (tx: TenantTx) => {
      await sleep(20);
      return findAll(tx);
    };
    const [slow, quick] = await Promise.all([inKind(kind, ACME, late), inKind(kind, GLOBEX, findAll)]);
    expect([organizationsOf(slow), organizationsOf(quick)]).toEqual([['acme'], ['globex']]);
  });

  it.each(KINDS)('%s ends where nothing was sent, and sends nothing for who kept its repository', async (kind) => {
    expect(await inKind(kind, ACME, () => Promise.resolve('nothing'))).toBe('nothing');
    await expect(inKind(kind, ACME, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    let kept: TenantTx | undefined;
    await inKind(kind, ACME, async (tx) => void (kept = tx));
    await expect(kept!.repo(Thread).find()).rejects.toThrow(/over/);
    expect(organizationsOf(await inKind(kind, GLOBEX, findAll))).toEqual(['globex']);
  });

  it('roll back with their transaction, and begin none of their own', async () => {
    const undone = door.db.run(ACME, async (tx) => {
      expect(await tx.repo(Thread).update({ user_id: 'alice' }, { name: 'lost' })).toMatchObject({ affected: 3 });
      await expect(tx.repo(Thread).manager.transaction(() => Promise.resolve())).rejects.toThrow(/is begun/);
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    expect(await namesOf('acme')).toHaveLength(3);
  });

  it('throw what pg throws, so that the door can map it', async () => {
    const taken = door.db.run(ACME, async (tx) => {
      const [{ id }] = await tx.repo(Thread).find();
      await tx.repo(Thread).insert({ org_id: 'acme', id, user_id: 'alice', name: 'twice', metadata: {} });
    });
    await expect(taken).rejects.toMatchObject({ code: '23505', constraint: 'threads_pkey' });
  });
});
