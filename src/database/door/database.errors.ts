import { types } from 'node:util';
import { defineErrors, Problem, commonErrors } from '../../common/errors';

export const databaseErrors = defineErrors({
  STATEMENT_TIMEOUT: [
    503,
    'The statement took longer than DB_STATEMENT_TIMEOUT_MS. Ask for less at once, or retry later.',
  ],
  THREAD_BUSY: [503, 'Another transaction holds the thread, or another row that this one needs. Retry later.'],
  VALUE_OUT_OF_RANGE: [400, 'A number is too large to be stored or added up.'],
});

/** PostgreSQL did not answer, and the connection was given up. */
export class FellSilent extends Error {
  constructor(waitedMs: number) {
    super(`Connection terminated: PostgreSQL has not answered for ${Math.round(waitedMs)} ms`);
  }
}

interface PgError extends Error {
  code?: string;
}

/** A lock was waited for in vain. */
export const LOCK_TIMED_OUT = '55P03';

/** A standby, or a primary that is one no longer. */
export const READ_ONLY = '25006';

/** SQLSTATE classes and socket errors that say: the server is away, starting, stopping, full, read-only, or has hung up. */
const AWAY =
  /^(08...|25006|25P03|53...|57P0[1-5]|58...|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NOTFOUND|AI_AGAIN))$/;
const AWAY_MESSAGE =
  /Connection terminated|timeout expired|timeout exceeded when trying to connect|not queryable|Client was closed|Cannot use a pool after/;

/** Whether the database could not be reached, as opposed to having refused. */
export function isAway(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  return AWAY.test((error as PgError).code ?? '') || AWAY_MESSAGE.test(error.message);
}

const WAITED = /timeout exceeded when trying to connect|due to connection timeout/;

/** Whether a transaction has waited for a connection for as long as it may: another attempt would double that. */
export const isTooLate = (error: unknown) => types.isNativeError(error) && WAITED.test(error.message);

/** A migration has changed what the statement answers, and the connection has it prepared as it was. */
export const isOutdated = (error: unknown) =>
  (error as PgError)?.code === '0A000' && /cached plan/.test((error as PgError).message);

/**
 * A deadlock, a serialization failure, or a statement that is outdated: the transaction was rolled back and may simply be run
 * again.
 */
export const isRolledBack = (error: unknown) =>
  ['40001', '40P01'].includes((error as PgError)?.code ?? '') || isOutdated(error);

/**
 * The statement was not looked at, since one before it in the same transaction had failed. Where that kept another from being
 * prepared, those that came for the same prepared statement don't find it.
 */
export const isAborted = (error: unknown) => ['25P02', '26000'].includes((error as PgError)?.code ?? '');

/** Whether an insert met an existing row of a unique key. */
export function isDuplicate(error: unknown, constraint: string): boolean {
  const { code, constraint: name } = error as { code?: string; constraint?: string };
  return code === '23505' && name === constraint;
}

/** pg's error as one of ours, where it has a meaning for the caller. */
export function mapPgError(error: unknown): unknown {
  if (error instanceof Problem) return error;
  if (isAway(error) || isRolledBack(error))
    return commonErrors.STORE_UNAVAILABLE().with({ cause: error, headers: { 'retry-after': '1' } });
  const code = (error as PgError)?.code;
  if (code === '57014')
    return databaseErrors.STATEMENT_TIMEOUT().with({ cause: error, headers: { 'retry-after': '1' } });
  if (code === LOCK_TIMED_OUT)
    return databaseErrors.THREAD_BUSY().with({ cause: error, headers: { 'retry-after': '2' } });
  if (code === '22003') return databaseErrors.VALUE_OUT_OF_RANGE().with({ cause: error });
  if (code === '22021' || code === '22P05') return commonErrors.INVALID_TEXT('The request').with({ cause: error });
  return error;
}
