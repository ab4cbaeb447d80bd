import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { checkVersion, type Precondition } from '../../http/request/versions';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { byThread, gateOf, type Target, type Thread, ThreadsService } from '../../threads';
import type { MessageRow } from '../message.entity';
import type { MessageView } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { AppendRepository } from './append.repository';
import {
  type Append,
  type Appended,
  authorOf,
  isSameMessage,
  type NewMessage,
  type Prepared,
  toRow,
  toRows,
} from './new-message';

/** Where an append goes, and what is special about it there. */
export interface AppendTarget extends Target {
  /**
   * Finds the thread and holds it against other writers until `tx` ends, or makes it.
   * @throws PRECONDITION_FAILED, VERSION_CONFLICT when a version is expected of one that was not there
   */
  open(tx: TenantTx, expected: Precondition): Promise<Thread>;
  /** Runs after the messages are stored, in the same transaction. @returns the counts as they are then */
  settle?(tx: TenantTx, thread: Thread): Promise<ThreadCounts | undefined>;
  /** How the answer shows a message. */
  view(row: MessageRow): AppendedView;
}

/** A message as the target shows it. */
export type AppendedView = Partial<MessageView> & Pick<MessageView, 'id' | 'seq'>;

export type ThreadCounts = Pick<Thread, 'message_count' | 'version'>;

/** What became of an append. */
export interface Stored {
  /** False when everything in it was there already. */
  created: boolean;
  /** Its messages, in the order of the request. */
  rows: MessageRow[];
  /** The thread's counts then. */
  counts: ThreadCounts;
  /** What the statement told, if it ran. */
  appended?: Appended;
}

/** The one statement stored nothing: the thread is away or at another version. */
export class Unsettled extends Error {}

type Known = Map<NewMessage, MessageRow>;

/** Stores appends that go alone: in one statement, or under the thread's lock. */
@Injectable()
export class AppendWriter {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadsService,
    private readonly rows: AppendRepository,
  ) {}

  /** In one statement, in a transaction of its own. @throws Unsettled, and pg's error for an id that is taken */
  appendInOneStatement(principal: Principal, target: Target, append: Append): Promise<Stored> {
    const work = (tx: TenantTx) => this.appendInOneStatementOf(tx, principal, target, append);
    // Ids are fixed before the first attempt, so an attempt whose outcome was lost is found by them.
    return this.db.runOne(principal, work, { repeatable: true, gate: gateOf(principal, target) });
  }

  /** The same in a transaction that is given. */
  async appendInOneStatementOf(tx: TenantTx, principal: Principal, target: Target, append: Append): Promise<Stored> {
    const { messages, expected } = append;
    const appended = await this.rows.append(tx, principal, target, append, expected.version);
    if (!appended) throw new Unsettled();
    return { created: true, rows: toRows(principal, messages, appended), counts: appended, appended };
  }

  /**
   * Under the thread's lock: what is stored already is found and left out, the rest is appended.
   * @throws THREAD_NOT_FOUND, MESSAGE_ID_CONFLICT, PARTIAL_RETRY, START_SEQ_CONFLICT, TOOL_CALL_UNKNOWN,
   *   VERSION_CONFLICT, PRECONDITION_FAILED
   */
  async appendUnderLock(tx: TenantTx, principal: Principal, target: AppendTarget, append: Append): Promise<Stored> {
    const thread = await target.open(tx, append.expected);
    const known = await this.findKnown(tx, thread, append);
    // A retry rests on the version before its first attempt, which is no longer current.
    if (known.size === 0) checkVersion(append.expected, thread.version);
    if (append.strict) await this.checkToolCalls(tx, thread, append.messages);
    const isFresh = (message: NewMessage) => !known.has(message);
    const fresh = append.messages.filter(isFresh);
    const json = append.json.filter((_, i) => isFresh(append.messages[i]));
    const appended = await this.store(tx, principal, thread, { messages: fresh, json });
    const settled = await target.settle?.(tx, { ...thread, ...appended });
    const stored = appended ? toRows(principal, fresh, appended) : [];
    // Both lists are in the order of the request, so one walk puts them together.
    const rows = append.messages.map((message) => known.get(message) ?? (stored.shift() as MessageRow));
    // A known message under an id of ours was stored by an earlier attempt of this very request.
    const isOurs = (message: NewMessage) => !message.request_hash && known.get(message)?.id === message.id;
    const created = fresh.length > 0 || append.messages.some(isOurs);
    return { created, rows, counts: settled ?? appended ?? thread, appended };
  }

  /**
   * The answer without the write: everything is valid and counted, and `seq` is 0 (F35). An empty batch makes no session (U66).
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, VERSION_CONFLICT, PRECONDITION_FAILED
   */
  async previewAppend(principal: Principal, target: Target, append: Append): Promise<Stored> {
    const thread = await this.threads.get(principal, target);
    checkVersion(append.expected, thread.version);
    const created_at = new Date().toISOString();
    const placement = { thread_id: thread.id, seq: 0, created_at, ...authorOf(principal) };
    return { created: false, rows: append.messages.map((message) => toRow(message, placement)), counts: thread };
  }

  /** Appends to a thread that `tx` holds. @returns `undefined` if there is nothing to append */
  async store(tx: TenantTx, principal: Principal, thread: Thread, prepared: Prepared) {
    return prepared.messages.length === 0 ? undefined : this.rows.append(tx, principal, byThread(thread.id), prepared);
  }

  /** The thread, held against other writers until `tx` ends. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE */
  lock(tx: TenantTx, principal: Principal, target: Target): Promise<Thread> {
    return this.threads.lock(tx, principal, target);
  }

  /**
   * The messages of an append that are stored already: those at its start position (P54), and otherwise by their ids.
   * @throws MESSAGE_ID_CONFLICT, PARTIAL_RETRY, START_SEQ_CONFLICT
   */
  private async findKnown(tx: TenantTx, thread: Thread, { messages, startSeq }: Append): Promise<Known> {
    const byPosition = startSeq === undefined ? new Map() : await this.findByPosition(tx, thread, messages, startSeq);
    const others = messages.filter((message) => !byPosition.has(message));
    return new Map([...byPosition, ...(await this.findById(tx, thread, others))]);
  }

  private async findById(tx: TenantTx, thread: Thread, messages: NewMessage[]): Promise<Known> {
    if (messages.length === 0) return new Map();
    const ids = messages.map((message) => message.id);
    const stored = new Map((await this.rows.findStored(tx, thread.org_id, ids)).map((row) => [row.id, row]));
    const known: Known = new Map();
    const seen = new Set<string>();
    for (const message of messages) {
      const row = stored.get(message.id);
      // Without a hash the id is ours, fixed before the first attempt: a row under it is this very message.
      const isSame = row?.thread_id === thread.id && row.request_hash?.toString('hex') === message.request_hash;
      if ((row && !isSame) || seen.has(message.id)) throw messageErrors.MESSAGE_ID_CONFLICT(message.id);
      seen.add(message.id);
      if (row) known.set(message, row);
    }
    const anonymous = messages.some((message) => !known.has(message) && message.request_hash === undefined);
    if (known.size > 0 && anonymous) throw messageErrors.PARTIAL_RETRY();
    return known;
  }

  private async findByPosition(tx: TenantTx, thread: Thread, messages: NewMessage[], startSeq: number): Promise<Known> {
    const start = Math.min(startSeq, thread.message_count);
    const count = Math.min(messages.length, thread.message_count - start);
    if (count === 0) return new Map();
    const beyond = thread.message_count - start - count;
    const rows = await this.rows.findAtEnd(tx, thread.org_id, thread.id, count, beyond);
    rows.forEach((row, i) => {
      if (!isSameMessage(messages[i], row)) throw messageErrors.START_SEQ_CONFLICT(start + i);
    });
    return new Map(rows.map((row, i) => [messages[i], row]));
  }

  /** @throws TOOL_CALL_UNKNOWN when a result's call is neither in the thread nor earlier in the batch (C50) */
  private async checkToolCalls(tx: TenantTx, thread: Thread, messages: NewMessage[]): Promise<void> {
    const called = new Set<string>();
    const asked = new Set<string>();
    for (const { tool_call_id: id, tool_calls: calls = [] } of messages) {
      if (id !== undefined && !called.has(id)) asked.add(id);
      for (const call of calls) called.add(call.id);
    }
    const found = await this.rows.findToolCalls(tx, thread.org_id, thread.id, [...asked]);
    for (const id of asked) if (!found.has(id)) throw messageErrors.TOOL_CALL_UNKNOWN(id);
  }
}
