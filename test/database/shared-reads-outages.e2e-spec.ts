/** Reads that wait at the same time, when the database goes away. */
import { eventually } from '../support/world/events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { migrate } from '../../src/database/migrate';
import { sql } from '../../src/database/door/sql';
import type { TenantTx } from '../../src/database/door/tenant-database';
import { type Door, openDoor, readingOrganizations } from '../support/world/door';
import { PostgresProcess } from '../support/servers/postgres-process';

const SMALL = { rows: 1 };
const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
const tenantOf = (n: number) => ({ orgId: `organization ${n % 3}` });
const LOOK = sql<never, { org: string }>('look_in_outage')`SELECT current_setting('app.org_id') AS org`;
const look = async (tx: TenantTx) => (await tx.query(LOOK))[0].org;
const wait = (tx: TenantTx) => tx.query('SELECT pg_sleep(600)');
const away = { status: 'rejected', reason: { code: 'STORE_UNAVAILABLE', status: 503 } };

describe('Reads that wait at the same time, without the database', () => {
  let postgres: PostgresProcess;
  let door: Door;

  beforeAll(async () => {
    postgres = await PostgresProcess.create();
    await migrate({ url: postgres.url, ownerUrl: postgres.url });
    door = await openDoor(postgres.url, { DB_POOL_SIZE: '3', DB_MAX_OVERFLOW: '0', DB_STATEMENT_TIMEOUT_MS: '0' });
  });
  afterAll(async () => {
    await door.close();
    await postgres.remove();
  });

  const readAll = (count: number) => Promise.all(times(count, (n) => door.db.readOne(tenantOf(n), look, SMALL)));
  const expectServing = async () => {
    expect(await readAll(60)).toEqual(times(60, (n) => tenantOf(n).orgId));
    await eventually(() => readingOrganizations(door) === 0);
  };
  /** 90 reads of three organizations, of which some have a connection and the others wait for one or for a lane. */
  const beginWaiting = async () => {
    const reads = Promise.allSettled(
      times(90, (n) => door.db.readOne<unknown>(tenantOf(n), n < 6 ? wait : look, SMALL)),
    );
    const pool = new Pool({ connectionString: postgres.url, max: 1 });
    pool.on('error', () => undefined);
    const asleep = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(600)'`;
    while ((await pool.query(asleep)).rowCount !== 3) await sleep(5);
    return { reads, end: () => pool.end() };
  };

  it.each(['kill', 'stop'] as const)('P49 C33 %s: all get 503, and afterwards it goes on', async (way) => {
    await expectServing();
    const { reads, end } = await beginWaiting();
    await postgres[way]();
    for (const outcome of await reads) expect(outcome).toMatchObject(away);
    expect(readingOrganizations(door)).toBe(0);
    await end();
    const still = await Promise.allSettled(times(40, (n) => door.db.readOne(tenantOf(n), look, SMALL)));
    for (const outcome of still) expect(outcome).toMatchObject(away);
    expect(readingOrganizations(door)).toBe(0);
    await postgres.start();
    await expectServing();
  });
});
