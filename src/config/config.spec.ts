import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError, loadConfig, loadEnvFile } from './config';

const URL_A = 'postgresql://u:secret@db.example/a';
const URL_B = 'postgresql://u:secret@db.example/b';
type Env = NodeJS.ProcessEnv;

function problemsOf(env: Env): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('F50 F52 F53 C35 has defaults for everything', () => {
    const { env, database, production, defaultIdentity } = loadConfig({});
    expect(env).toMatchObject({
      ...{ PORT: 8000, HOST: '127.0.0.1', DB_POOL_SIZE: 5, DB_MAX_OVERFLOW: 10 },
      ...{ DEFAULT_USER_ID: 'default_user', DEFAULT_ORG_ID: 'default_org' },
    });
    expect(database).toEqual({ kind: 'embedded', folder: resolve('.data') });
    expect([production, defaultIdentity]).toEqual([false, true]);
  });

  it.each([{ PORT: '' }, { PORT: '  ', DB_BACKEND: '' }])('takes an empty value for none: %j', (env) =>
    expect(loadConfig(env).env.PORT).toBe(8000),
  );

  it.each([
    [{ PORT: 'abc' }, 'PORT must be a whole number from 0 to 65535, not "abc"'],
    [{ PORT: '-1' }, 'PORT must be a whole number from 0 to 65535, not "-1"'],
    [{ PORT: '1.5' }, 'PORT must be a whole number from 0 to 65535, not "1.5"'],
    [{ DB_POOL_SIZE: '0' }, 'DB_POOL_SIZE must be a whole number from 1 to 500, not "0"'],
    [{ IDEMPOTENCY_TTL_HOURS: 'NaN' }, 'IDEMPOTENCY_TTL_HOURS must be a number from 0.0001 to 8760, not "NaN"'],
    [{ WORKERS: '65' }, 'WORKERS must be auto, or a whole number from 1 to 64, not "65"'],
    [{ WORKERS: 'many' }, 'WORKERS must be auto, or a whole number from 1 to 64, not "many"'],
    [{ CLEANUP_ENABLED: 'yes' }, 'CLEANUP_ENABLED must be true or false, not "yes"'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of trace, debug, info, warn, error, silent, not "loud"'],
    [{ DB_BACKEND: 'mysql' }, 'DB_BACKEND must be one of postgresql, postgres, memory, mock, not "mysql"'],
    [{ SESSION_STORAGE: 'redis' }, 'SESSION_STORAGE must be one of postgres, memory, not "redis"'],
    [{ DEFAULT_ORG_ID: 'a b' }, 'DEFAULT_ORG_ID must be 1 to 64 of A-Z a-z 0-9 _ - . : @, not "a b"'],
    [{ JWT_JWKS_URL: 'ftp://x' }, 'JWT_JWKS_URL must be an http or https URL, not "ftp://x"'],
  ])('N28 F51 F75 names the variable and its value: %j', (env, problem) => expect(problemsOf(env)).toEqual([problem]));

  it('takes a worker for each core where that is wanted', () => {
    expect(loadConfig({}).env.WORKERS).toBe(1);
    expect(loadConfig({ WORKERS: '3' }).env.WORKERS).toBe(3);
    const cores = Math.min(availableParallelism(), 64);
    for (const WORKERS of ['auto', 'AUTO', '0']) expect(loadConfig({ WORKERS }).env.WORKERS).toBe(cores);
  });

  it('N28 names every bad variable at once', () => {
    expect(problemsOf({ PORT: 'x', DB_POOL_SIZE: '-1', LOG_LEVEL: 'y' })).toHaveLength(3);
    expect(() => loadConfig({ PORT: 'x' })).toThrow(/not usable:\n {2}- PORT must be/);
  });

  it('N28 does not repeat a secret', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://u:hunter2@db' });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL must be a URL such as/)]);
    expect(problems[0]).not.toContain('hunter2');
    expect(problemsOf({ JWT_SECRET: 'hunter2', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' })).toEqual([
      'JWT_SECRET must have at least 32 characters',
    ]);
  });

  it.each([
    'postgresql://u:a,b@db1:5432,db2:5432/x?target_session_attrs=read-write',
    'postgresql://u:hunter2@db1,db2/x',
    'postgres://u@/x?sslmode=require&host=db1,db2',
    'postgres://u@db1%2Cdb2/x',
  ])('R4 several hosts are refused, with a word about poolers: %s', (DATABASE_URL) => {
    const problems = problemsOf({ DATABASE_URL });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL must be the URL of one server: .* pooler/)]);
    expect(problemsOf({ DB_HOST: 'db1,db2' })).toEqual([expect.stringMatching(/^DB_HOST must be .* one host/)]);
    expect(loadConfig({ DATABASE_URL: 'postgresql://u:a,b@db1/x,y?target_session_attrs=read-write' })).toBeDefined();
  });

  it('C57 hours may be fractions, for tests and demonstrations', () =>
    expect(loadConfig({ IDEMPOTENCY_TTL_HOURS: '0.001' }).env.IDEMPOTENCY_TTL_HOURS).toBe(0.001));

  it('N28 0 means a free port, no statement limit, no overflow', () => {
    const { env } = loadConfig({ PORT: '0', DB_STATEMENT_TIMEOUT_MS: '0', DB_MAX_OVERFLOW: '0' });
    expect([env.PORT, env.DB_STATEMENT_TIMEOUT_MS, env.DB_MAX_OVERFLOW]).toEqual([0, 0, 0]);
  });

  it.each([{ DATABASE_URL: URL_A }, { HOST: '0.0.0.0' }, { NODE_ENV: 'production' }, { DB_HOST: 'db' }])(
    'F50 has no identity without credentials with %j, and cannot be told to',
    (env) => {
      expect(loadConfig(env).defaultIdentity).toBe(false);
      expect(problemsOf({ ...env, ALLOW_DEFAULT_IDENTITY: 'true' })).toEqual([
        expect.stringMatching(/^ALLOW_DEFAULT_IDENTITY=true is possible only/),
      ]);
    },
  );

  it('F50 can be told to have none', () => {
    expect(loadConfig({ ALLOW_DEFAULT_IDENTITY: 'false' }).defaultIdentity).toBe(false);
    expect(loadConfig({ ALLOW_DEFAULT_IDENTITY: ' TRUE ' }).defaultIdentity).toBe(true);
  });
});

describe('the model', () => {
  const MODEL = { MODEL_BASE_URL: 'https://models.example/v1', MODEL_NAME: 'm' };

  it('has none unless an address is set', () => {
    const { env } = loadConfig({});
    expect([env.MODEL_BASE_URL, env.MODEL_TIMEOUT_MS, env.MODEL_INPUT_PRICE]).toEqual([undefined, 120_000, '0']);
    expect(loadConfig({ ...MODEL, MODEL_OUTPUT_PRICE: ' 2.50 ' }).env).toMatchObject({
      ...MODEL,
      MODEL_OUTPUT_PRICE: '2.50',
    });
  });

  it.each([
    [{ MODEL_API_KEY: 'k' }, 'MODEL_API_KEY is set without MODEL_BASE_URL'],
    [{ MODEL_NAME: 'm' }, 'MODEL_NAME is set without MODEL_BASE_URL'],
    [{ MODEL_BASE_URL: 'https://models.example/v1' }, 'MODEL_NAME must be set with MODEL_BASE_URL'],
    [
      { ...MODEL, MODEL_BASE_URL: 'https://u:hunter2@models.example' },
      'MODEL_BASE_URL must not hold a user or a password: use MODEL_API_KEY',
    ],
    [{ ...MODEL, MODEL_BASE_URL: 'https://h/v1?a=1' }, 'MODEL_BASE_URL must not hold a query or a fragment'],
    [{ MODEL_BASE_URL: 'models.example' }, 'MODEL_BASE_URL must be an http or https URL, not "models.example"'],
    [{ MODEL_TIMEOUT_MS: '0' }, 'MODEL_TIMEOUT_MS must be a whole number from 1 to 300000, not "0"'],
    [
      { MODEL_INPUT_PRICE: '0.0000001' },
      'MODEL_INPUT_PRICE must be a price such as 2.5, with at most six places, not "0.0000001"',
    ],
    [{ MODEL_INPUT_PRICE: '-1' }, 'MODEL_INPUT_PRICE must be a price such as 2.5, with at most six places, not "-1"'],
  ])('N28 names what is wrong with %j', (env, problem) => expect(problemsOf(env)).toEqual([problem]));
});

describe('the database', () => {
  const databaseOf = (env: Env) => loadConfig(env).database;

  it.each([
    { DB_BACKEND: 'mock' },
    { DB_BACKEND: 'Memory' },
    { SESSION_STORAGE: 'memory' },
    { CONVERSATION_STATE_PROVIDER: 'memory' },
    { CONVERSATION_STATE_PROVIDER: 'in_memory_conversation_state_v1' },
    { ENABLE_DB_PERSISTENCE: 'false' },
    { ENABLE_DB_PERSISTENCE: 'yes' },
    { DB_BACKEND: 'mock', SESSION_STORAGE: 'memory', ENABLE_DB_PERSISTENCE: '0' },
    { DB_BACKEND: 'mock', ENABLE_DB_PERSISTENCE: 'true' },
    { DB_BACKEND: 'mock', DB_HOST: 'localhost', DB_NAME: 'fluxibly' },
  ])('F51 F54 F75 S40 C34 is thrown away with %j', (env) => expect(databaseOf(env)).toEqual({ kind: 'memory' }));

  it.each([{}, { DB_BACKEND: 'postgresql' }, { SESSION_STORAGE: 'postgres' }, { ENABLE_DB_PERSISTENCE: 'True' }])(
    'F51 F54 F75 S40 C34 is embedded and kept with %j',
    (env) => expect(databaseOf({ ...env, DATA_DIR: '/tmp/kept' })).toEqual({ kind: 'embedded', folder: '/tmp/kept' }),
  );

  it.each(['DATABASE_URL', 'DB_CONNECTION_STRING'])('S41 P11 C34 %s wins over the parts', (name) =>
    expect(databaseOf({ [name]: URL_A, DB_HOST: 'other', DB_BACKEND: 'postgres' })).toEqual({
      ...{ kind: 'server', url: URL_A, ownerUrl: URL_A },
    }),
  );

  it('S41 takes both names for one URL, and an owner beside it', () =>
    expect(databaseOf({ DATABASE_URL: URL_A, DB_CONNECTION_STRING: URL_A, DATABASE_OWNER_URL: URL_B })).toEqual({
      ...{ kind: 'server', url: URL_A, ownerUrl: URL_B },
    }));

  it.each([
    [{ DB_HOST: 'db' }, 'postgresql://postgres@db:5432/fluxibly'],
    [
      { DB_NAME: 'my db', DB_USER: 'a@b', DB_PASSWORD: 'p:/?#' },
      'postgresql://a%40b:p%3A%2F%3F%23@localhost:5432/my%20db',
    ],
    [{ DB_PORT: '6543', DB_HOST: '[::1]' }, 'postgresql://postgres@[::1]:6543/fluxibly'],
  ])('F52 is put together from %j', (env, url) =>
    expect(databaseOf(env)).toEqual({ kind: 'server', url, ownerUrl: url }),
  );

  it.each([
    [{ DB_BACKEND: 'postgres', SESSION_STORAGE: 'memory' }, ['DB_BACKEND=postgres', 'SESSION_STORAGE=memory']],
    [
      { SESSION_STORAGE: 'postgres', CONVERSATION_STATE_PROVIDER: 'memory' },
      ['SESSION_STORAGE=postgres', 'CONVERSATION_STATE_PROVIDER=memory'],
    ],
    [{ DB_BACKEND: 'postgresql', ENABLE_DB_PERSISTENCE: 'no' }, ['DB_BACKEND=postgresql', 'ENABLE_DB_PERSISTENCE=no']],
    [{ DB_BACKEND: 'mock', DATABASE_URL: URL_A }, ['DB_BACKEND=mock', 'DATABASE_URL']],
    [{ SESSION_STORAGE: 'memory', DB_CONNECTION_STRING: URL_A }, ['SESSION_STORAGE=memory', 'DB_CONNECTION_STRING']],
    [{ DATABASE_URL: URL_A, DB_CONNECTION_STRING: URL_B }, ['DATABASE_URL', 'DB_CONNECTION_STRING']],
    [{ DATABASE_OWNER_URL: URL_A }, ['DATABASE_OWNER_URL', 'DATABASE_URL']],
    [{ DB_HOST: 'a b' }, ['DB_HOST', 'a b']],
  ])('S40 C34 names what contradicts in %j', (env, names) => {
    const problems = problemsOf(env);
    expect(problems).toHaveLength(1);
    for (const name of names) expect(problems[0]).toContain(name);
    expect(problems[0]).not.toContain('secret');
  });
});

it('F55 loadEnvFile does without the file', () =>
  expect(() => loadEnvFile(join(tmpdir(), 'throughline-none', '.env'))).not.toThrow());
