import { type MemoryFilter, MemoryListRepository } from '../../src/memory/memory-list.repository';
import { MemoryRepository } from '../../src/memory/memory.repository';
import { startTestApp, type TestApp } from '../support/world/app';
import { explain as explainIn } from '../support/house/plans';

const SCOPE = { orgId: 'plans', userId: 'user1' };

/** X02: the statements over a full memory, as the tenant's role runs them, under row-level security. */
describe('Plans of memory', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
    await app.as('plans', 'user1');
    await app.db.query(`INSERT INTO users (org_id, id) SELECT 'plans', 'user' || n FROM generate_series(1, 5) n`);
    await app.db.query(
      `INSERT INTO memories (org_id, user_id, key, value)
       SELECT 'plans', 'user' || (1 + n % 5), 'key' || n, '1' FROM generate_series(1, 50000) n`,
    );
    await app.db.query('ANALYZE memories');
  });
  afterAll(() => app.close());

  const explain = (work: Parameters<typeof explainIn>[2]) => explainIn(app, SCOPE.orgId, work, 'ANALYZE, FORMAT JSON');
  const rowsRead = (plan: string) =>
    Math.max(...[...plan.matchAll(/"Actual Rows":([\d.]+)/g)].map(([, rows]) => Number(rows)));
  const list = (filter: Partial<MemoryFilter>, slice = {}, scope = {}) =>
    explain((tx) =>
      new MemoryListRepository().list(
        tx,
        { ...SCOPE, ...scope },
        { includeUser: false, ...filter },
        { order: 'asc', limit: 21, offset: 0, ...slice },
      ),
    );

  it.each<[string, () => Promise<string>]>([
    ['a page', () => list({})],
    ['a page in the middle', () => list({}, { after: 'key3' })],
    ['a page from the end', () => list({}, { order: 'desc' })],
    ['a prefix', () => list({ prefix: 'key123' })],
    ['both scopes', () => list({ includeUser: true }, {}, { sessionId: 's' })],
    ['one key', () => explain((tx) => new MemoryRepository().find(tx, SCOPE, 'key5'))],
  ])('X02 %s is read by the primary key, and no more than the page', async (_, plan) => {
    const found = await plan();
    expect(found).toContain('memories_pkey');
    expect(found).not.toContain('Seq Scan');
    expect(found).not.toMatch(/"Rows Removed by Filter":[1-9]/);
    expect(rowsRead(found)).toBeLessThanOrEqual(30);
  });
});
