import { DataSource, type QueryRunner } from 'typeorm';
import { dataSourceOptions } from './data-source';

/** One number for all instances: whoever holds this lock migrates, the others wait and then find nothing to do. */
const MIGRATION_LOCK = 7_468_726_541;

export interface MigrationTarget {
  /** A user who may create tables and roles. */
  ownerUrl: string;
  /** The server's own connection; its user is made a member of the roles when it is another one. */
  url: string;
}

/**
 * Brings the schema up to date, under a lock; safe to call from many instances at once.
 * @returns the names of the migrations that ran
 */
export function migrate(target: MigrationTarget): Promise<string[]> {
  return withLock(target.ownerUrl, async (dataSource, runner) => {
    const done = await dataSource.runMigrations({ transaction: 'each' });
    await grantRoles(runner, target);
    return done.map((migration) => migration.name);
  });
}

/** Undoes the newest migration. */
export function revert(target: MigrationTarget): Promise<void> {
  return withLock(target.ownerUrl, (dataSource) => dataSource.undoLastMigration({ transaction: 'each' }));
}

async function withLock<T>(url: string, work: (dataSource: DataSource, runner: QueryRunner) => Promise<T>): Promise<T> {
  const dataSource = await new DataSource({ ...dataSourceOptions(url) }).initialize();
  try {
    const runner = dataSource.createQueryRunner();
    // A lock of the transaction, not of the session: it holds behind PgBouncer too.
    await runner.startTransaction();
    await runner.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    try {
      return await work(dataSource, runner);
    } finally {
      await runner.commitTransaction().finally(() => runner.release());
    }
  } finally {
    await dataSource.destroy();
  }
}

async function grantRoles(runner: QueryRunner, { url, ownerUrl }: MigrationTarget): Promise<void> {
  const user = decodeURIComponent(new URL(url).username);
  if (!user || user === decodeURIComponent(new URL(ownerUrl).username)) return;
  const text = `SELECT format('GRANT throughline_app, throughline_system TO %I', $1::text) AS statement`;
  const [{ statement }] = (await runner.query(text, [user])) as [{ statement: string }];
  await runner.query(statement);
}
