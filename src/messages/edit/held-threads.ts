import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { checkVersion, precondition } from '../../http/request/versions';
import type { TenantTx } from '../../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../../idempotency';
import { byThread, checkTarget, type Target, type Thread, ThreadsService } from '../../threads';
import type { ThreadCounts } from '../append/append-writer';
import type { MessageRow } from '../message.entity';
import { messageErrors } from '../messages.errors';
import { ChangeLogRepository } from './change-log.repository';
import { EditsRepository, type Home } from './edits.repository';
import type { ChangeKind } from './message-change.entity';

type CounterChange = Parameters<ThreadsService['count']>[2];

/** What a write to a thread says beside its body. */
export interface WriteOptions {
  ifMatch?: number;
  idempotencyKey?: IdempotencyKey;
}

/** The threads that messages stand on: holds them for a write, and books what it did. */
@Injectable()
export class HeldThreads {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly threads: ThreadsService,
    private readonly rows: EditsRepository,
    private readonly changes: ChangeLogRepository,
  ) {}

  /**
   * Does `work` with a thread that is held, at the version that the request expects, and once for each idempotency key.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE, PRECONDITION_FAILED, VERSION_CONFLICT,
   *   IDEMPOTENCY_KEY_REUSED
   */
  async write<T>(
    principal: Principal,
    target: Target,
    body: Parameters<typeof precondition>[1],
    { ifMatch, idempotencyKey }: WriteOptions,
    work: (tx: TenantTx, thread: Thread) => Promise<T>,
  ): Promise<T> {
    checkTarget(target);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.hold(tx, principal, target);
      checkVersion(precondition(ifMatch, body), thread.version);
      return work(tx, thread);
    });
  }

  /** Held against other writers until `tx` ends. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE */
  hold(tx: TenantTx, principal: Principal, target: Target): Promise<Thread> {
    return this.threads.lock(tx, principal, target);
  }

  /**
   * The thread of a message, held: of one that is there, or of one in the trash.
   * @returns `undefined` if there is no such message in sight
   * @throws THREAD_NOT_WRITABLE
   */
  async find(tx: TenantTx, principal: Principal, id: string, home: Home = 'messages'): Promise<Thread | undefined> {
    const thread = await this.rows.lockThreadOf(tx, principal, id, home);
    if (!thread) await this.checkReadOnly(tx, principal, id, home);
    return thread;
  }

  /** The same for a message that must be there. @throws MESSAGE_NOT_FOUND, THREAD_NOT_WRITABLE */
  async of(tx: TenantTx, principal: Principal, id: string): Promise<Thread> {
    const thread = await this.find(tx, principal, id);
    if (!thread) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return thread;
  }

  /** A message of the organization, read after its thread is held: as the last writer left it. */
  message(tx: TenantTx, principal: Principal, id: string): Promise<MessageRow | undefined> {
    return this.rows.find(tx, principal.orgId, id);
  }

  /** Why a message was not found where one may write to. @throws MESSAGE_NOT_FOUND, THREAD_NOT_WRITABLE */
  async refuseMessage(tx: TenantTx, principal: Principal, id: string): Promise<never> {
    await this.checkReadOnly(tx, principal, id, 'messages');
    throw messageErrors.MESSAGE_NOT_FOUND(id);
  }

  /** The same of a thread. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE */
  refuseThread(tx: TenantTx, principal: Principal, target: Target): Promise<never> {
    return this.threads.refuse(tx, principal, target);
  }

  /** Books a write to messages of a held thread: on its counters (C40), and for those who follow it. @returns the counts then */
  async book(
    tx: TenantTx,
    thread: Thread,
    kind: ChangeKind,
    seqs: number[],
    change: CounterChange,
  ): Promise<ThreadCounts> {
    await this.threads.count(tx, thread, change);
    await this.changes.note(tx, thread, kind, seqs);
    return { message_count: thread.message_count + change.messages, version: thread.version + 1 };
  }

  private async checkReadOnly(tx: TenantTx, principal: Principal, id: string, home: Home): Promise<void> {
    const threadId = await this.rows.readOnlyThreadOf(tx, principal, id, home);
    if (threadId !== undefined) await this.threads.refuse(tx, principal, byThread(threadId));
  }
}
