import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { isUuid } from '../common/ids';
import { checkMetadata } from '../common/limits';
import { checkVersion, type Precondition, precondition } from '../common/versions';
import { CONFIG, type Config } from '../config/config';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import type { Thread, ThreadStatus } from './thread.entity';
import { type DeletedThread, type ThreadView, toThreadView, type UpdateThread } from './threads.dto';
import { threadErrors } from './threads.errors';
import { ThreadsRepository } from './threads.repository';

/** Shows, changes and deletes threads. */
@Injectable()
export class ThreadsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadsRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws THREAD_NOT_FOUND */
  async get(principal: Principal, id: string): Promise<ThreadView> {
    checkThreadId(id);
    return this.db.readOne(principal, (tx) => this.getIn(tx, principal, id));
  }

  /** The same, inside a transaction of another service. @throws THREAD_NOT_FOUND */
  async getIn(tx: TenantTx, principal: Principal, id: string): Promise<ThreadView> {
    const thread = await this.threads.find(tx, principal, id);
    if (!thread) throw threadErrors.THREAD_NOT_FOUND(id);
    return toThreadView(thread);
  }

  /** @throws THREAD_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED, VERSION_CONFLICT */
  async update(principal: Principal, id: string, body: UpdateThread, ifMatch?: number): Promise<ThreadView> {
    checkMetadata(body.metadata, this.config.env.METADATA_LIMIT_BYTES);
    const { name, metadata } = body;
    return this.change(principal, id, { name: name?.trim(), metadata }, precondition(ifMatch, body));
  }

  /** Archived threads are left out of lists; they can be read and written as before (P44). */
  setStatus(principal: Principal, id: string, status: ThreadStatus): Promise<ThreadView> {
    return this.change(principal, id, { status }, precondition(undefined));
  }

  /** Deletes the thread with all of its messages. @throws THREAD_NOT_FOUND, PRECONDITION_FAILED */
  async delete(principal: Principal, id: string, ifMatch?: number): Promise<DeletedThread> {
    checkThreadId(id);
    await this.db.run(principal, async (tx) => {
      const deleted = await this.threads.delete(tx, principal, id, ifMatch);
      if (!deleted) await this.explain(tx, principal, id, precondition(ifMatch));
    });
    return { deleted: true, id };
  }

  /** The thread, held against other writers until `tx` ends; for services that write messages. @throws THREAD_NOT_FOUND */
  async lock(tx: TenantTx, principal: Principal, id: string): Promise<Thread> {
    const thread = await this.threads.lock(tx, principal, id);
    if (!thread) throw threadErrors.THREAD_NOT_FOUND(id);
    return thread;
  }

  /** Books a change of messages on their locked thread. */
  readonly count: ThreadsRepository['count'] = (tx, thread, change) => this.threads.count(tx, thread, change);

  private async change(
    principal: Principal,
    id: string,
    change: { name?: string; metadata?: Record<string, unknown>; status?: ThreadStatus },
    expected: Precondition,
  ): Promise<ThreadView> {
    checkThreadId(id);
    return this.db.run(principal, async (tx) => {
      const thread = await this.threads.update(tx, principal, id, { ...change, version: expected.version });
      if (!thread) return this.explain(tx, principal, id, expected);
      if (change.metadata) checkMetadata(thread.metadata, this.config.env.METADATA_LIMIT_BYTES);
      return toThreadView(thread);
    });
  }

  /** Why a write met no row. */
  private async explain(tx: TenantTx, principal: Principal, id: string, expected: Precondition): Promise<never> {
    const thread = await this.threads.find(tx, principal, id);
    if (!thread) throw threadErrors.THREAD_NOT_FOUND(id);
    checkVersion(expected, thread.version);
    throw threadErrors.THREAD_NOT_FOUND(id);
  }
}

/** For services that find a thread missing on their own. */
export const threadNotFound = threadErrors.THREAD_NOT_FOUND;

/** What is no UUID names no thread: the same 404 as for an unknown one. @throws THREAD_NOT_FOUND */
export function checkThreadId(id: string): void {
  if (!isUuid(id)) throw threadErrors.THREAD_NOT_FOUND(id);
}
