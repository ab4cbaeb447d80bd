import type { Config } from '../../config/config';

export interface SessionLifetime {
  /** After the last read or write; null: for ever. */
  ttlMs: number | null;
  /** After the last write; null: for ever. */
  maxAgeMs: number | null;
  /** After a write: the shorter one. */
  afterWriteMs: number | null;
}

/** How long sessions live, by the configuration (C15). */
export function sessionLifetime({ SESSION_TTL_SECONDS, SESSION_MAX_AGE_HOURS }: Config['env']): SessionLifetime {
  const ttlMs = SESSION_TTL_SECONDS > 0 ? Math.ceil(SESSION_TTL_SECONDS * 1000) : null;
  const maxAgeMs = SESSION_MAX_AGE_HOURS > 0 ? Math.ceil(SESSION_MAX_AGE_HOURS * 3_600_000) : null;
  return { ttlMs, maxAgeMs, afterWriteMs: ttlMs === null ? maxAgeMs : Math.min(ttlMs, maxAgeMs ?? ttlMs) };
}
