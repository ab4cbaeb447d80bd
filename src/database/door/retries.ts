import { setTimeout as sleep } from 'node:timers/promises';
import { FellSilent, isAway, isOutdated, isRolledBack, isTooLate, mapPgError } from './database.errors';
import { UnknownOutcome } from './transaction';

const AWAY_WAITS_MS = [1000, 2000];
/** Two transactions that undid each other must not meet again at once. */
const ROLLED_BACK_WAIT_MS = 20;

interface RetryOptions {
  /** The work may run again even if its commit may have happened: it finds its own rows by their ids. */
  repeatable?: boolean;
  /** Whether an attempt that found no database is tried again. */
  whenAway?: boolean;
}

/**
 * Three attempts at most, and only where the first cannot have happened, or may happen twice without harm: after a
 * deadlock or a serialization failure at once, and when the database is away after 1 s and 2 s (C43). What
 * has waited for an answer in vain waits for a second one at most, and nothing waits twice for a connection.
 * @throws the last attempt's error as one of ours
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  { repeatable = false, whenAway = true }: RetryOptions = {},
): Promise<T> {
  let silences = 0;
  for (const awayWait of AWAY_WAITS_MS) {
    try {
      return await attempt();
    } catch (error) {
      const rolledBack = isRolledBack(error);
      const safe = whenAway && (repeatable || !(error instanceof UnknownOutcome));
      silences += Number(causeOf(error) instanceof FellSilent);
      if (!rolledBack && !(safe && mayPass(causeOf(error), silences))) rethrow(error);
      await sleep(rolledBack ? ROLLED_BACK_WAIT_MS * (0.5 + Math.random()) : awayWait);
    }
  }
  return attempt().catch(rethrow);
}

/** Whether another attempt may find the database back. */
const mayPass = (cause: unknown, silences: number) => isAway(cause) && !isTooLate(cause) && silences < 2;

/** A read, which is better served by 503 at once; only a statement that was outdated is sent once more, on a new connection. */
export const reading = <T>(attempt: () => Promise<T>): Promise<T> =>
  attempt()
    .catch((error: unknown) => (isOutdated(error) ? attempt() : Promise.reject(error as Error)))
    .catch(rethrow);

/** Throws what `pg` threw as one of our errors. */
function rethrow(error: unknown): never {
  throw mapPgError(causeOf(error));
}

const causeOf = (error: unknown) => (error instanceof UnknownOutcome ? error.cause : error);
