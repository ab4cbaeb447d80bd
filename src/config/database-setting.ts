import { resolve } from 'node:path';
import type { Environment } from './variables';

/** The one database that all the variables together mean (design 7). */
export type DatabaseSetting =
  /** Embedded PostgreSQL in `folder`, kept between starts. */
  | { kind: 'embedded'; folder: string }
  /** The same in a throw-away folder. */
  | { kind: 'memory' }
  /** A server of the operator's; `ownerUrl` runs the migrations. */
  | { kind: 'server'; url: string; ownerUrl: string };

interface Wish {
  variable: string;
  kind: 'memory' | 'postgres';
}

/**
 * Precedence: a connection URL, then `DB_HOST` and the other parts, then the embedded server.
 * The words `memory` and `mock` overrule the parts (the fluxibly sample sets both) but contradict a URL.
 */
export function resolveDatabase(env: Environment, problems: string[]): DatabaseSetting {
  const url = connectionUrl(env, problems);
  const wishes = readWishes(env);
  const memory = wishes.find((wish) => wish.kind === 'memory');
  const postgres = wishes.find((wish) => wish.kind === 'postgres');
  if (memory && postgres) problems.push(`${memory.variable} and ${postgres.variable} contradict each other`);
  if (memory && url) problems.push(`${memory.variable} contradicts ${urlName(env)}: unset one of them`);
  if (env.DATABASE_OWNER_URL && !url) problems.push('DATABASE_OWNER_URL needs DATABASE_URL beside it');
  if (memory) return { kind: 'memory' };
  if (url) return { kind: 'server', url, ownerUrl: env.DATABASE_OWNER_URL ?? url };
  const parts = urlFromParts(env, problems);
  if (parts) return { kind: 'server', url: parts, ownerUrl: parts };
  return { kind: 'embedded', folder: resolve(env.DATA_DIR) };
}

const urlName = (env: Environment) => (env.DATABASE_URL ? 'DATABASE_URL' : 'DB_CONNECTION_STRING');

function connectionUrl(env: Environment, problems: string[]): string | undefined {
  const { DATABASE_URL, DB_CONNECTION_STRING } = env;
  if (DATABASE_URL && DB_CONNECTION_STRING && DATABASE_URL !== DB_CONNECTION_STRING) {
    problems.push('DATABASE_URL and DB_CONNECTION_STRING name different databases');
  }
  return DATABASE_URL ?? DB_CONNECTION_STRING;
}

function readWishes(env: Environment): Wish[] {
  const wishes: Wish[] = [];
  const word = (variable: 'DB_BACKEND' | 'SESSION_STORAGE' | 'CONVERSATION_STATE_PROVIDER') => {
    const value = env[variable];
    if (value) wishes.push({ variable: `${variable}=${value}`, kind: /^postgres/.test(value) ? 'postgres' : 'memory' });
  };
  word('DB_BACKEND');
  word('SESSION_STORAGE');
  word('CONVERSATION_STATE_PROVIDER');
  // F54: only the word true, in any case, keeps data; true is no wish for a certain backend.
  const persistence = env.ENABLE_DB_PERSISTENCE;
  if (persistence !== undefined && persistence.trim().toLowerCase() !== 'true') {
    wishes.push({ variable: `ENABLE_DB_PERSISTENCE=${persistence}`, kind: 'memory' });
  }
  return wishes;
}

function urlFromParts(env: Environment, problems: string[]): string | undefined {
  const parts = [env.DB_HOST, env.DB_PORT, env.DB_NAME, env.DB_USER, env.DB_PASSWORD];
  if (parts.every((part) => part === undefined)) return undefined;
  const server = `postgresql://${env.DB_HOST ?? 'localhost'}:${env.DB_PORT ?? 5432}`;
  if (!URL.canParse(server) || env.DB_HOST?.includes(',')) {
    problems.push(`DB_HOST must be the name or the address of one host, not ${JSON.stringify(env.DB_HOST)}`);
    return undefined;
  }
  const url = new URL(server);
  url.username = encodeURIComponent(env.DB_USER ?? 'postgres');
  if (env.DB_PASSWORD) url.password = encodeURIComponent(env.DB_PASSWORD);
  url.pathname = `/${encodeURIComponent(env.DB_NAME ?? 'fluxibly')}`;
  return url.toString();
}
