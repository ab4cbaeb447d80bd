import { ERASURE_STEPS } from '../../src/erasure/erasure-steps';
import { readSources, type Source } from '../support/house/sources';
import { entityTables, writesBySql, writesOf } from '../support/house/writes';

/** Which repository writes which tables, and how. Whoever wants to write another one, says so here. */
const WRITES: Record<string, Record<string, string>> = {
  'auth/api-keys/api-keys': { api_keys: 'insert, update' },
  'cleanup/cleanup': {
    current_threads: 'delete',
    deleted_messages: 'delete',
    idempotency_keys: 'delete',
    memories: 'delete',
    message_changes: 'delete',
    message_revisions: 'delete',
    shares: 'delete',
    threads: 'update, delete',
  },
  'erasure/erasures': {
    '${table}': 'update, delete',
    api_keys: 'update',
    erasures: 'insert, update, delete',
    organizations: 'delete',
  },
  'forking/forking': { messages: 'insert', sessions: 'update', summaries: 'insert', threads: 'update' },
  'idempotency/idempotency': { idempotency_keys: 'insert, update' },
  'memory/memory': { memories: 'insert, update, delete', memory_versions: 'insert, delete' },
  'messages/append/append': { messages: 'insert', threads: 'update' },
  'messages/edit/change-log': { message_changes: 'insert' },
  'messages/edit/edits': { message_revisions: 'insert, delete', messages: 'update' },
  'messages/import/message-import': { messages: 'insert', threads: 'update' },
  'messages/remove/message-removals': { message_revisions: 'delete', messages: 'insert, delete', summaries: 'delete' },
  'messages/remove/message-trash': {
    deleted_messages: 'insert, update, delete',
    message_revisions: 'delete',
    messages: 'insert, delete',
  },
  'messages/undo/message-undo': { deleted_messages: 'update', summaries: 'insert, delete' },
  'organizations/organizations': { organizations: 'insert', users: 'insert' },
  'search/search-languages': { organizations: 'update' },
  'sessions/opening/session-opening': { sessions: 'insert, delete', threads: 'insert, update, delete' },
  'sessions/sessions': { sessions: 'update', threads: 'update, delete' },
  'sessions/turns/agent-turns': { sessions: 'update', threads: 'update' },
  'sharing/share-links': { shares: 'insert, delete' },
  'sharing/sharing': { shares: 'insert, update, delete' },
  'summaries/summaries': { summaries: 'insert, delete' },
  'threads/threads': { current_threads: 'insert, update', threads: 'insert, update, delete' },
  'threads/trash/thread-trash': { current_threads: 'delete', threads: 'update, delete' },
  'transfer/import/import': {
    current_threads: 'update',
    sessions: 'update',
    shares: 'update',
    summaries: 'insert',
    threads: 'insert, update, delete',
  },
};

/** Written by a trigger on messages: whoever writes in somebody else's thread. */
const BY_TRIGGER = 'message_authors';

/** What an erasure writes is not in its texts: it goes through its steps. */
const STEP = '${table}';

const sources = readSources();
const tables = entityTables(sources);
const repositories = sources.filter(({ path }) => path.endsWith('.repository.ts'));
/** Only such sources need be parsed. */
const MAY_WRITE = /INSERT INTO|UPDATE|DELETE FROM/;
const nameOf = ({ path }: Source) => path.replace('.repository.ts', '');

describe('Who writes what', () => {
  it('every repository writes what the table says, and nothing else', () => {
    const written = repositories.map((source) => [nameOf(source), writesOf(source, tables)] as const);
    expect(Object.fromEntries(written.filter(([, writes]) => Object.keys(writes).length > 0))).toEqual(WRITES);
  });

  it('the tables are those of the entities, and each is written by somebody', () => {
    const named = [BY_TRIGGER, ...Object.values(WRITES).flatMap((writes) => Object.keys(writes))];
    expect([...new Set(named)].filter((table) => table !== STEP).sort()).toEqual(Object.values(tables).sort());
  });

  it('the steps of an erasure overwrite and remove rows', () => {
    const verbs = ERASURE_STEPS.map(({ instead }) => (instead ? 'update' : 'delete'));
    expect(WRITES['erasure/erasures'][STEP]).toBe([...new Set(verbs)].sort().reverse().join(', '));
  });

  it('nothing but repositories and migrations writes', () => {
    const others = sources.filter(
      (source) => !repositories.includes(source) && !source.path.startsWith('database/migrations/'),
    );
    expect(
      others.filter((source) => MAY_WRITE.test(source.text) && writesBySql(source).length > 0).map(({ path }) => path),
    ).toEqual([]);
    const usesRepo = ({ path, text }: Source) => path !== 'database/door/tx.ts' && /\.repo(<\w+>)?\(/.test(text);
    expect(others.filter(usesRepo).map(({ path }) => path)).toEqual([]);
  });
});

describe('What is seen of a source', () => {
  const source = (text: string): Source => ({ path: 'x.ts', folder: '', text, imports: [] });

  it.each<[string, Record<string, string>]>([
    ["tx.query('INSERT INTO shares (id) VALUES (1)')", { shares: 'insert' }],
    ['sql`WITH a AS (DELETE FROM shares h) UPDATE threads t SET x = 1`', { shares: 'delete', threads: 'update' }],
    ['sql`INSERT INTO shares AS h (${A}) ON CONFLICT (id) DO UPDATE SET x = 1`', { shares: 'insert, update' }],
    ['sql`SELECT 1 FROM shares h FOR UPDATE OF h`; sql`SELECT 1 FOR NO KEY UPDATE SKIP LOCKED`', {}],
    ['tx.execute(`DELETE FROM ${table} WHERE x`)', { '${table}': 'delete' }],
    ['// DELETE FROM shares\n/* UPDATE shares SET */', {}],
    ['tx.repo(Share).update({ id }, { x })', { shares: 'update' }],
    ['tx.repo(Share).createQueryBuilder().delete().where(x).execute()', { shares: 'delete' }],
    ['{ const a = tx.repo(Share).createQueryBuilder(); a.insert().orUpdate([]) }', { shares: 'insert, update' }],
    ["tx.repo(Share).createQueryBuilder('h').where(x.toString()).getMany()", {}],
  ])('%s', (text, writes) => expect(writesOf(source(text), { Share: 'shares' })).toEqual(writes));

  it.each(['rows.update(x)', 'tx.repo(Other).delete(x)', 'sql`ON CONFLICT DO UPDATE SET x = 1`'])(
    '%s is refused: its table is not seen',
    (text) => expect(() => writesOf(source(text), { Share: 'shares' })).toThrow(/whose|which/i),
  );
});
