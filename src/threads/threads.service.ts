import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { checkMetadata, saysAnything } from '../http/request/limits';
import { checkVersion, type Precondition, precondition } from '../http/request/versions';
import { CONFIG, type Config } from '../config/config';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { checkTarget, gateOf, notFound, type Target } from './target';
import type { Thread, ThreadStatus } from './thread.entity';
import { type ThreadView, toThreadView, type UpdateThread } from './threads.dto';
import { threadErrors } from './threads.errors';
import { type ThreadChange, ThreadsRepository } from './threads.repository';

/** Shows and changes threads. */
@Injectable()
export class ThreadsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadsRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws THREAD_NOT_FOUND */
  async get(principal: Principal, target: Target): Promise<ThreadView> {
    checkTarget(target);
    return this.db.readOne(principal, (tx) => this.getIn(tx, principal, target), { rows: 1 });
  }

  /** The same, inside a transaction of another service. @throws THREAD_NOT_FOUND */
  async getIn(tx: TenantTx, principal: Principal, target: Target): Promise<ThreadView> {
    const thread = await this.threads.find(tx, principal, target);
    if (!thread) throw notFound(target);
    return toThreadView(thread);
  }

  /** @throws THREAD_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED, VERSION_CONFLICT */
  async update(principal: Principal, target: Target, body: UpdateThread, ifMatch?: number): Promise<ThreadView> {
    const expected = precondition(ifMatch, body);
    const { name, metadata, auto_summarize } = body;
    const work = (tx: TenantTx) =>
      saysAnything({ name, auto_summarize }, metadata)
        ? this.updateIn(tx, principal, target, body, expected)
        : this.checkIn(tx, principal, target, expected);
    return this.db.run(principal, work, { gate: gateOf(principal, target) });
  }

  /** For a patch that says nothing, and so writes nothing. @throws as `update` */
  async checkIn(tx: TenantTx, principal: Principal, target: Target, expected: Precondition): Promise<ThreadView> {
    checkTarget(target);
    const thread = await this.getOwnIn(tx, principal, target);
    checkVersion(expected, thread.version);
    return thread;
  }

  /** The same, inside a transaction of another service. @throws as `update` */
  async updateIn(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    { name, metadata, auto_summarize }: UpdateThread,
    expected: Precondition,
  ): Promise<ThreadView> {
    checkMetadata(metadata, this.config.env.METADATA_LIMIT_BYTES);
    return this.change(tx, principal, target, { name: name?.trim(), metadata, auto_summarize }, expected);
  }

  /** Archived threads are left out of lists; they can be read and written as before, and stand where they stood (P44). */
  setStatus(principal: Principal, target: Target, status: ThreadStatus): Promise<ThreadView> {
    checkTarget(target);
    const work = async (tx: TenantTx) => {
      const thread = await this.threads.setStatus(tx, principal, target, status);
      return thread ? toThreadView(thread) : this.explain(tx, principal, target, precondition(undefined));
    };
    return this.db.run(principal, work, { gate: gateOf(principal, target) });
  }

  /** Deletes the thread with all of its messages, and its session, for good. @returns whether it was there, at that version */
  deleteIn(tx: TenantTx, principal: Principal, target: Target, version?: number): Promise<boolean> {
    return this.threads.delete(tx, principal, target, version);
  }

  /** A thread that is the caller's own, or the organization's to an admin. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE */
  async getOwnIn(tx: TenantTx, principal: Principal, target: Target): Promise<ThreadView> {
    const thread = await this.threads.find(tx, principal, target);
    if (!thread) throw notFound(target);
    checkOwn(principal, thread);
    return toThreadView(thread);
  }

  /** The thread, held against other writers until `tx` ends; for services that write messages. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE */
  async lock(tx: TenantTx, principal: Principal, target: Target): Promise<Thread> {
    return (await this.threads.lock(tx, principal, target)) ?? this.refuse(tx, principal, target);
  }

  /** Why a write found no thread: it may be read only, or else `missing`. @throws THREAD_NOT_WRITABLE, THREAD_NOT_FOUND */
  async refuse(tx: TenantTx, principal: Principal, target: Target, missing = notFound(target)): Promise<never> {
    const thread = await this.threads.find(tx, principal, target);
    // Who may do anything with it met it in the trash; it was restored in that moment.
    if (thread) checkOwn(principal, thread);
    throw missing;
  }

  /** Books a change of messages on their locked thread. */
  readonly count: ThreadsRepository['count'] = (tx, thread, change) => this.threads.count(tx, thread, change);

  private async change(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    change: Omit<ThreadChange, 'version'>,
    expected: Precondition,
  ): Promise<ThreadView> {
    checkTarget(target);
    const thread = await this.threads.update(tx, principal, target, { ...change, version: expected.version });
    if (!thread) return this.explain(tx, principal, target, expected);
    if (change.metadata) checkMetadata(thread.metadata, this.config.env.METADATA_LIMIT_BYTES);
    return toThreadView(thread);
  }

  /** Why a write met no row. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE, PRECONDITION_FAILED, VERSION_CONFLICT */
  async explain(tx: TenantTx, principal: Principal, target: Target, expected: Precondition): Promise<never> {
    const thread = await this.threads.find(tx, principal, target);
    if (!thread) throw notFound(target);
    checkOwn(principal, thread);
    checkVersion(expected, thread.version);
    throw notFound(target);
  }
}

/** For what somebody with whom a thread is shared may not do. @throws THREAD_NOT_WRITABLE */
export function checkOwn(principal: Principal, thread: Thread): void {
  if (thread.user_id !== principal.userId && !principal.seesOrganization) throw threadErrors.THREAD_NOT_WRITABLE();
}
