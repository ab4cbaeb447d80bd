import type { QueryConfig } from 'pg';
import { newId } from '../../src/common/ids';
import type { Statement, Values } from '../../src/database/door/sql';
import { TenantDatabase } from '../../src/database/door/tenant-database';
import { toQuery } from '../../src/database/door/tx';
import { APPEND } from '../../src/messages/append/append.repository';
import { LISTS } from '../../src/messages/read/message-lists';
import { WINDOW } from '../../src/messages/read/messages.repository';
import { makePrincipal } from '../../src/organizations/principal';
import { SessionListRepository } from '../../src/sessions/list/session-list.repository';
import { ThreadListRepository } from '../../src/threads/list/thread-list.repository';
import { toExplain } from '../support/house/plans';
import { startTestApp, type TestApp } from '../support/world/app';

const ORG = 'plans';
const THREADS = 5000;
const SHARED = 20;

/** What sharing costs: nothing for owners, and for others what is shared with them. */
describe('Plans of sharing', () => {
  let app: TestApp;
  const threadId = newId();

  beforeAll(async () => {
    app = await startTestApp();
    await app.as(ORG, 'alice');
    await app.db.query(`INSERT INTO users (org_id, id) SELECT $1, 'user' || n FROM generate_series(1, 50) n`, [ORG]);
    await app.db.query(
      `INSERT INTO threads (org_id, id, user_id, name, session_id, updated_at)
       SELECT $1, gen_random_uuid(), 'user' || (1 + n % 50), 'x', 's' || n, now() - n * interval '1 min'
       FROM generate_series(1, $2) n`,
      [ORG, THREADS],
    );
    await app.db.query(`INSERT INTO threads (org_id, id, user_id, name) VALUES ($1, $2, 'user1', 'x')`, [
      ORG,
      threadId,
    ]);
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by)
       SELECT $1, gen_random_uuid(), t.id, reader, 'write', t.user_id FROM (
         SELECT t.*, row_number() OVER () AS n FROM threads t WHERE org_id = $1 AND user_id = 'user1' LIMIT $2
       ) t, unnest(ARRAY['user2', 'user3']) reader`,
      [ORG, SHARED],
    );
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by)
       VALUES ($1, gen_random_uuid(), $2, 'user4', 'write', 'user1')`,
      [ORG, threadId],
    );
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by)
       SELECT $1, gen_random_uuid(), t.id, 'user5', 'read', t.user_id FROM threads t WHERE org_id = $1 AND user_id <> 'user5'`,
      [ORG],
    );
    await app.db.query('ANALYZE threads, messages, shares');
  });
  afterAll(() => app.close());

  /** The parts of a statement's plan, as the tenant's role runs it; it changes nothing. */
  const partsOf = async (query: QueryConfig, options = 'FORMAT JSON'): Promise<any[]> => {
    const undo = new Error('undo');
    let parts: any[] = [];
    const work = app.app.get(TenantDatabase).run({ orgId: ORG }, async (tx) => {
      const [row] = await tx.query(...toExplain(query, options));
      const walk = (node: any): any[] => [node, ...(node.Plans ?? []).flatMap(walk)];
      parts = walk(row['QUERY PLAN'][0].Plan);
      throw undo;
    });
    await expect(work).rejects.toBe(undo);
    return parts;
  };

  it('X02 C48 an append of the owner does not look at shares, nor does reading the end', async () => {
    const message = { id: newId(), role: 'user', content: 'x', metadata: {}, token_count: 1, cost: '0' };
    const all = { from: null, to: null, createdBy: null, offset: 0, known: null, part: 40_000 };
    const statements: [Statement, Values][] = [
      [APPEND.thread, { messages: JSON.stringify([message]), count: 1, tokens: 1, version: null }],
      [LISTS.desc.shared.thread, { afterSeq: 0, beforeSeq: Number.MAX_SAFE_INTEGER, limit: 20, ...all }],
      [WINDOW.thread, { limit: 20, tokens: null, reserved: 0 }],
    ];
    const looksOf = async (statement: Statement, user: string, more: Values): Promise<number> => {
      const values = { ...makePrincipal(ORG, user, 'member'), target: threadId, ...more };
      const parts = await partsOf(toQuery(statement, values), 'ANALYZE, FORMAT JSON');
      return Math.max(
        ...parts.filter((part) => part['Relation Name'] === 'shares').map((part) => part['Actual Loops']),
      );
    };
    for (const [statement, values] of statements) {
      expect(await looksOf(statement, 'user1', values)).toBe(0);
      // The twin: there is a plan for shares, and it runs for others.
      expect(await looksOf(statement, 'user4', values)).toBe(1);
    }
  });

  it('X02 C48 what is shared with a user is read from their shares, however many threads there are', async () => {
    const asked: QueryConfig[] = [];
    const tx = { query: async (text: string, values: Values) => (asked.push(toQuery(text, values)), []) } as never;
    const slice = { sort: 'updated_at', order: 'desc', limit: 21, offset: 0 } as const;
    const filter = { orgId: ORG, sharedWith: 'user2' };
    await new ThreadListRepository().list(tx, { ...filter, statuses: ['active', 'archived'] }, slice);
    await new SessionListRepository().list(tx, filter, slice);
    expect(asked).toHaveLength(2);
    for (const query of asked) {
      const parts = await partsOf(query);
      expect(parts.map((part) => part['Index Name'])).toContain('shares_user_id_idx');
      expect(parts.filter((part) => part['Relation Name'] === 'threads' && part['Node Type'] === 'Seq Scan')).toEqual(
        [],
      );
      expect(JSON.stringify(parts)).toContain('threads_pkey');
    }
  });
});
