import type { Environment } from './variables';

type Workers = Partial<Pick<Environment, 'WORKERS'>>;
type Pool = Pick<Environment, 'DB_POOL_SIZE' | 'DB_MAX_OVERFLOW'>;

/** With fewer, whatever holds one of them for long would stop the process. */
const FEWEST_CONNECTIONS = 2;

/** What one process may have of something that an instance has so much of; at least one, where there is any. */
export const shareOf = ({ WORKERS: processes = 1 }: Workers, total: number): number =>
  Math.max(Math.min(total, 1), Math.floor(total / processes));

/** Connections to PostgreSQL that one process may open. */
export function connectionsOf(env: Workers & Pool): number {
  const total = env.DB_POOL_SIZE + env.DB_MAX_OVERFLOW;
  return Math.max(Math.min(total, FEWEST_CONNECTIONS), shareOf(env, total));
}
