import { choice, integer, postgresUrl, secret, text, type Variable } from './kinds';

/** The database by the names that other projects' documents give it; `resolveDatabase` makes one choice of them all. */
export const databaseAliases = {
  DB_CONNECTION_STRING: postgresUrl('The same as DATABASE_URL.'),
  DB_BACKEND: choice(
    undefined,
    ['postgresql', 'postgres', 'memory', 'mock'],
    '`mock` and `memory`: an embedded PostgreSQL whose data is gone at exit.',
  ),
  SESSION_STORAGE: choice(undefined, ['postgres', 'memory'], 'The same choice, by another name.'),
  CONVERSATION_STATE_PROVIDER: choice(
    undefined,
    ['postgres', 'memory', 'in_memory_convo_provider', 'in_memory_conversation_state_v1'],
    'The same choice, by a third name.',
  ),
  ENABLE_DB_PERSISTENCE: text(undefined, 'Anything but `true` means `DB_BACKEND=memory`.'),
  DB_HOST: text(undefined, 'The parts of a connection, where there is no URL. Default `localhost`.'),
  DB_PORT: integer(undefined, 'Default 5432.', { min: 1, max: 65535 }),
  DB_NAME: text(undefined, 'Default `fluxibly`.'),
  DB_USER: text(undefined, 'Default `postgres`.'),
  DB_PASSWORD: secret('Default: empty.'),
} satisfies Record<string, Variable<unknown>>;
