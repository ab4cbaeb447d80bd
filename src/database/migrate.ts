import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { dataSourceOptions } from './data-source';
import { LOCK_TIMED_OUT } from './door/database.errors';
import { ADVISORY_LOCKS } from './door/locks';

/** How long a migration waits for a table: everybody else who comes for it stands behind the migration. */
const LOCK_TIMEOUT_MS = 2000;
/** In between, they pass. */
const PAUSE_MS = 2000;
const ATTEMPTS = 60;

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
 * (`CREATE INDEX CONCURRENTLY`). A table that somebody uses is waited for a little, and then again from the beginning.
 */
async function withLock<T>(url: string, work: Work<T>): Promise<T> {
  const dataSource = await new DataSource({ ...dataSourceOptions(url) }).initialize();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await inTransaction(dataSource, work);
      } catch (error) {
        if ((error as { code?: string }).code !== LOCK_TIMED_OUT || attempt === ATTEMPTS) throw error;
        await sleep(PAUSE_MS * (0.5 + Math.random()));
      }
    }
  } finally {
    await dataSource.destroy();
  }
}

async function inTransaction<T>(dataSource: DataSource, work: Work<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  // A lock of the transaction, not of the session: it holds behind PgBouncer too.
  await runner.startTransaction();
  await runner.query(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCKS.migrate})`);
  try {
    await runner.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
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
}

async function grantRoles(runner: QueryRunner, { url, ownerUrl }: MigrationTarget): Promise<void> {
  const user = decodeURIComponent(new URL(url).username);
  if (!user || user === decodeURIComponent(new URL(ownerUrl).username)) return;
  const text = `SELECT format('GRANT throughline_app, throughline_system TO %I', $1::text) AS statement`;
  const [{ statement }] = (await runner.query(text, [user])) as [{ statement: string }];
  await runner.query(statement);
}
