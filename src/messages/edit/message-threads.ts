import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import { byThread, type Target } from '../../threads/target';
import type { Thread } from '../../threads/thread.entity';
import { ThreadsService } from '../../threads/threads.service';
import type { ThreadCounts } from '../append/append-writer';
import type { ChangeKind } from './message-change.entity';
import { MessageChangesService } from './message-changes.service';
import { type Home, MessageEditsRepository } from './message-edits.repository';
import { messageErrors } from '../messages.errors';

type CounterChange = Parameters<ThreadsService['count']>[2];

/** The threads that messages stand on: holds them for a write, and books what it did. */
@Injectable()
export class MessageThreads {
  constructor(
    private readonly threads: ThreadsService,
    private readonly edits: MessageEditsRepository,
    private readonly changes: MessageChangesService,
  ) {}

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
    const thread = await this.edits.lockThreadOf(tx, principal, id, home);
    if (!thread) await this.checkReadOnly(tx, principal, id, home);
    return thread;
  }

  /** The same for a message that must be there. @throws MESSAGE_NOT_FOUND, THREAD_NOT_WRITABLE */
  async of(tx: TenantTx, principal: Principal, id: string): Promise<Thread> {
    const thread = await this.find(tx, principal, id);
    if (!thread) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return thread;
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
    const threadId = await this.edits.readOnlyThreadOf(tx, principal, id, home);
    if (threadId !== undefined) await this.threads.refuse(tx, principal, byThread(threadId));
  }
}
