import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type DatabaseSetting, resolveDatabase } from './database-setting';
import { type Environment, type Variable, type VariableName, variables } from './variables';

/** Why the server does not start: one line for each variable that is wrong. */
export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** The validated configuration: every variable as a value, and the one database that they all mean (C34). */
export interface Config {
  readonly env: Environment;
  readonly database: DatabaseSetting;
  readonly production: boolean;
  /** Whether a request without credentials is `DEFAULT_USER_ID` of `DEFAULT_ORG_ID` (design 6). */
  readonly defaultIdentity: boolean;
  /** After SIGTERM: how long it serves on while load balancers notice, and how long requests under way may then take. */
  readonly shutdown: { readonly delayMs: number; readonly graceMs: number };
}

/** Long enough for load balancers that look every one or two seconds. */
const PRODUCTION_DELAY_MS = 5000;

/** The injection token of the configuration. */
export const CONFIG = Symbol('CONFIG');

/**
 * Reads and checks the environment.
 * @throws ConfigError naming every variable that is wrong or contradicts another
 */
export function loadConfig(source: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const env = readEnvironment(source, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const database = resolveDatabase(env, problems);
  checkTokens(env, problems);
  checkModel(env, problems);
  const local = database.kind !== 'server' && isLoopback(env.HOST) && env.NODE_ENV !== 'production';
  if (env.ALLOW_DEFAULT_IDENTITY === true && !local) {
    problems.push(
      'ALLOW_DEFAULT_IDENTITY=true is possible only with the embedded database, a loopback HOST and NODE_ENV other than production',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const production = env.NODE_ENV === 'production';
  return {
    env,
    database,
    production,
    defaultIdentity: local && env.ALLOW_DEFAULT_IDENTITY !== false,
    shutdown: {
      delayMs: env.SHUTDOWN_DELAY_MS ?? (production ? PRODUCTION_DELAY_MS : 0),
      graceMs: env.SHUTDOWN_GRACE_MS,
    },
  };
}

/** Adds the variables of a `.env` file to the environment; what is set already wins (F55). */
export function loadEnvFile(path = resolve('.env')): void {
  if (existsSync(path)) process.loadEnvFile(path);
}

const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);

function readEnvironment(source: NodeJS.ProcessEnv, problems: string[]): Environment {
  const entries = (Object.entries(variables) as [VariableName, Variable<unknown>][]).map(([name, variable]) => {
    const text = source[name]?.trim() ? source[name] : variable.fallback;
    if (text === undefined) return [name, undefined];
    try {
      return [name, variable.parse(text)];
    } catch (error) {
      const shown = variable.secret ? '' : `, not ${JSON.stringify(text)}`;
      problems.push(`${name} must be ${(error as Error).message}${shown}`);
      return [name, undefined];
    }
  });
  return Object.fromEntries(entries) as Environment;
}

/** A token that any issuer may have signed for any service is no proof of identity: both claims are required. */
function checkTokens(env: Environment, problems: string[]): void {
  if (!env.JWT_JWKS_URL && !env.JWT_SECRET) return;
  if (env.JWT_JWKS_URL && env.JWT_SECRET) problems.push('JWT_JWKS_URL and JWT_SECRET are both set: choose one');
  if (env.JWT_SECRET && env.JWT_SECRET.length < 32) problems.push('JWT_SECRET must have at least 32 characters');
  if (!env.JWT_ISSUER) problems.push('JWT_ISSUER must be set to accept tokens');
  if (!env.JWT_AUDIENCE) problems.push('JWT_AUDIENCE must be set to accept tokens');
}

/** A key or a name without an address would silently be answered by no model. */
function checkModel(env: Environment, problems: string[]): void {
  if (!env.MODEL_BASE_URL) {
    if (env.MODEL_API_KEY) problems.push('MODEL_API_KEY is set without MODEL_BASE_URL');
    if (env.MODEL_NAME) problems.push('MODEL_NAME is set without MODEL_BASE_URL');
    return;
  }
  if (!env.MODEL_NAME) problems.push('MODEL_NAME must be set with MODEL_BASE_URL');
  const { username, password, search, hash } = new URL(env.MODEL_BASE_URL);
  if (username || password) problems.push('MODEL_BASE_URL must not hold a user or a password: use MODEL_API_KEY');
  if (search || hash) problems.push('MODEL_BASE_URL must not hold a query or a fragment');
}
