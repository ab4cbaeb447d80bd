import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { columnsOf } from '../database/door/conditions';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import type { Target } from './target';
import { sqlForTarget, TOUCH, visible } from './thread-access';
import { CurrentThread } from './current/current-thread.entity';
import { type AutoSummarize, Thread, type ThreadStatus } from './thread.entity';

export interface NewThread {
  id: string;
  user_id: string;
  name: string;
  metadata: Record<string, unknown>;
  auto_summarize?: AutoSummarize | null;
}

export interface ThreadChange {
  name?: string;
  metadata?: Record<string, unknown>;
  /** null turns it off. */
  auto_summarize?: AutoSummarize | null;
  version?: number;
}

/** How a write to messages changes the counters of their thread. Costs are exact decimals, as text. */
interface CounterChange {
  messages: number;
  tokens: number;
  costAdded?: string;
  costRemoved?: string;
}

const COLUMNS = columnsOf(Thread, 't');

const INSERT = sql<'orgId' | 'threads', Thread>('threads_insert')`
  INSERT INTO threads AS t (org_id, id, user_id, name, metadata, auto_summarize)
  SELECT :orgId, n.id, n.user_id, n.name, n.metadata, n.auto_summarize
  FROM jsonb_to_recordset(:threads::jsonb) AS n(id uuid, user_id text, name text, metadata jsonb, auto_summarize jsonb)
  RETURNING ${COLUMNS}`;

const FIND = sqlForTarget<never, Thread>(
  'threads_find',
  'read',
)((isTarget) => `SELECT ${COLUMNS} FROM threads t WHERE ${isTarget}`);

const LOCK = sqlForTarget<never, Thread>(
  'threads_lock',
  'write',
)((isTarget) => `SELECT ${COLUMNS} FROM threads t WHERE ${isTarget} FOR UPDATE`);

type UpdateNames = 'name' | 'metadata' | 'autoSummarize' | 'version';

const UPDATE = sqlForTarget<UpdateNames, Thread>(
  'threads_update',
  'own',
)(
  (isTarget) => `
    UPDATE threads t SET
      name = coalesce(:name, t.name),
      metadata = CASE WHEN :metadata::jsonb IS NULL THEN t.metadata ELSE throughline_merge_patch(t.metadata, :metadata) END,
      auto_summarize = CASE WHEN :autoSummarize::jsonb IS NULL THEN t.auto_summarize ELSE nullif(:autoSummarize::jsonb, 'null') END,
      ${TOUCH}
    WHERE ${isTarget} AND (:version::bigint IS NULL OR t.version = :version)
    RETURNING ${COLUMNS}`,
);

/* A new version, so that no cache shows the old status; nothing was said, so that it stays where it is in lists. */
const SET_STATUS = sqlForTarget<'status', Thread>(
  'threads_set_status',
  'own',
)(
  (isTarget) => `
    UPDATE threads t SET status = :status, version = t.version + (t.status <> :status)::int
    WHERE ${isTarget} RETURNING ${COLUMNS}`,
);

const DELETE = sqlForTarget<'version'>(
  'threads_delete',
  'own',
)((isTarget) => `DELETE FROM threads t WHERE ${isTarget} AND (:version::bigint IS NULL OR t.version = :version)`);

type CountNames = 'orgId' | 'id' | 'messages' | 'tokens' | 'costAdded' | 'costRemoved';

const COUNT = sql<CountNames>('threads_count')`
  UPDATE threads t SET message_count = t.message_count + :messages, token_count = t.token_count + :tokens,
    total_cost = t.total_cost + :costAdded::numeric - :costRemoved::numeric, ${TOUCH}
  WHERE t.org_id = :orgId AND t.id = :id`;

@Injectable()
export class ThreadsRepository {
  insert(tx: TenantTx, orgId: string, threads: NewThread[]): Promise<Thread[]> {
    return tx.query(INSERT, { orgId, threads: JSON.stringify(threads) });
  }

  /** @returns the thread if the caller may see it */
  async find(tx: TenantTx, principal: Principal, target: Target): Promise<Thread | undefined> {
    return (await tx.query(FIND[target.by], { ...principal, target: target.id }))[0];
  }

  /** The same, and nobody else writes to the thread or its messages until the transaction ends. */
  async lock(tx: TenantTx, principal: Principal, target: Target): Promise<Thread | undefined> {
    return (await tx.query(LOCK[target.by], { ...principal, target: target.id }))[0];
  }

  /** @returns the thread as it is now; `undefined` if it is not there or at another version */
  async update(tx: TenantTx, principal: Principal, target: Target, change: ThreadChange): Promise<Thread | undefined> {
    const { name, metadata, version, auto_summarize } = change;
    const [thread] = await tx.query(UPDATE[target.by], {
      ...principal,
      target: target.id,
      name,
      metadata: metadata && JSON.stringify(metadata),
      autoSummarize: auto_summarize === undefined ? undefined : JSON.stringify(auto_summarize),
      version,
    });
    return thread;
  }

  /** @returns the thread as it is now; `undefined` if it is not the caller's */
  async setStatus(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    status: ThreadStatus,
  ): Promise<Thread | undefined> {
    return (await tx.query(SET_STATUS[target.by], { ...principal, target: target.id, status }))[0];
  }

  /** @returns whether it was there, at that version */
  async delete(tx: TenantTx, principal: Principal, target: Target, version?: number): Promise<boolean> {
    return (await tx.execute(DELETE[target.by], { ...principal, target: target.id, version })) === 1;
  }

  /** Adds to the counters of a locked thread. */
  async count(tx: TenantTx, thread: Pick<Thread, 'org_id' | 'id'>, change: CounterChange): Promise<void> {
    const { messages, tokens, costAdded = '0', costRemoved = '0' } = change;
    await tx.execute(COUNT, { orgId: thread.org_id, id: thread.id, messages, tokens, costAdded, costRemoved });
  }

  async setCurrent(tx: TenantTx, orgId: string, userId: string, threadId: string): Promise<void> {
    const insert = tx.repo(CurrentThread).createQueryBuilder().insert().updateEntity(false);
    const row = { org_id: orgId, user_id: userId, thread_id: threadId };
    await insert.values(row).orUpdate(['thread_id'], ['org_id', 'user_id']).execute();
  }

  async findCurrent(tx: TenantTx, principal: Principal): Promise<Thread | undefined> {
    const threads = tx.repo(Thread).createQueryBuilder('t');
    threads.innerJoin(CurrentThread, 'c', 'c.org_id = t.org_id AND c.thread_id = t.id AND c.user_id = :userId');
    return (await threads.where(visible('t'), { ...principal }).getOne()) ?? undefined;
  }
}
