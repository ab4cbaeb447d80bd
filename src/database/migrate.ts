import { DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { dataSourceOptions } from './data-source';
import { ADVISORY_LOCKS } from './door/locks';

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
  return withLock(target.ownerUrl, async (executor, runner) => {
    const done = await executor.executePendingMigrations();
    await grantRoles(runner, target);
    return done.map((migration) => migration.name);
  });
}

/** Undoes the newest migration. */
export function revert(target: MigrationTarget): Promise<void> {
  return withLock(target.ownerUrl, (executor) => executor.undoLastMigration());
}

type Work<T> = (executor: MigrationExecutor, runner: QueryRunner) => Promise<T>;

/**
 * Lock and work are one transaction on one connection: of a pooler's few, those who wait would otherwise hold what the
 * one with the lock still needs. So no migration may opt out (`transaction = false`) or do what no transaction can
 * (`CREATE INDEX CONCURRENTLY`).
 */
async function withLock<T>(url: string, work: Work<T>): Promise<T> {
  const dataSource = await new DataSource({ ...dataSourceOptions(url) }).initialize();
  try {
    const runner = dataSource.createQueryRunner();
    // A lock of the transaction, not of the session: it holds behind PgBouncer too.
    await runner.startTransaction();
    await runner.query(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCKS.migrate})`);
    try {
      const result = await work(new MigrationExecutor(dataSource, runner), runner);
      await runner.commitTransaction();
      return result;
    } catch (error) {
      // What the connection does not take any more is rolled back with it.
      await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
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
