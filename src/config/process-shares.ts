import type { Environment } from './variables';

type Workers = Partial<Pick<Environment, 'WORKERS'>>;
type Pool = Pick<Environment, 'DB_POOL_SIZE' | 'DB_MAX_OVERFLOW'>;

/** With fewer, whatever holds one of them for long would stop the process; who wants only one has it so. */
const FEWEST_CONNECTIONS = 2;

/**
 * What one process may have of something that an instance has so much of; at least one, where there is any: many
 * processes together may so have more.
 */
export const shareOf = ({ WORKERS: processes = 1 }: Workers, total: number): number =>
  Math.max(Math.min(total, 1), Math.floor(total / processes));

/** Connections to PostgreSQL that an instance may open, unless its processes are so many that the fewest are more. */
export const wholeOf = (env: Pool): number => env.DB_POOL_SIZE + env.DB_MAX_OVERFLOW;

/** Those that one process may open: an equal part, at least 2, or 1 where there is only one. */
export function connectionsOf(env: Workers & Pool): number {
  const total = wholeOf(env);
  return Math.max(Math.min(total, FEWEST_CONNECTIONS), shareOf(env, total));
}
