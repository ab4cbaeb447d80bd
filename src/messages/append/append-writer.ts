import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { checkVersion, type Precondition } from '../../http/request/versions';
import type { TenantTx } from '../../database/door/tenant-database';
import { byThread, type Target } from '../../threads/thread-access';
import type { Thread } from '../../threads/thread.entity';
import { checkTarget, ThreadsService } from '../../threads/threads.service';
import { AppendGroupsService } from './append-groups.service';
import { AppendReplay } from './append-replay';
import type { Append } from './append-request';
import { toMessageView, toRow } from '../read/message-views';
import type { MessageRow } from '../message.entity';
import type { MessageBatch, MessageView } from '../messages.dto';
import { AppendStore } from './append-store';
import type { Appended } from '../read/messages.repository';
import type { NewMessage } from './new-message';

/** An append's answer; `created` is false when everything in it was there already. */
export interface AppendResult {
  created: boolean;
  answer: AppendedView | AppendedBatch;
}

/** Where an append goes, and what is special about the place. */
export interface AppendPlace {
  readonly target: Target;
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

/** A message as the place shows it. */
export type AppendedView = Partial<MessageView> & Pick<MessageView, 'id' | 'seq'>;

export interface AppendedBatch extends Omit<MessageBatch, 'data'> {
  data: AppendedView[];
}

export type ThreadCounts = Pick<Thread, 'message_count' | 'version'>;

/** The plain statement stored nothing: the thread is away or at another version. */
export class Unsettled extends Error {}

/** Stores appends, inside a transaction that is given. */
@Injectable()
export class AppendWriter {
  constructor(
    private readonly appends: AppendStore,
    private readonly groups: AppendGroupsService,
    private readonly threads: ThreadsService,
    private readonly replay: AppendReplay,
  ) {}

  /** A thread as a place, for a caller who knows its id. @throws THREAD_NOT_FOUND for what is no id of a thread */
  threadPlace(principal: Principal, threadId: string): AppendPlace {
    const target = byThread(threadId);
    checkTarget(target);
    return { target, open: (tx) => this.threads.lock(tx, principal, target), view: toMessageView };
  }

  /**
   * With others that wait at the same time, where nothing is to be compared and a retry cannot have been before it.
   * @returns `undefined` when it has to go alone
   */
  async together(principal: Principal, place: AppendPlace, append: Append): Promise<AppendResult | undefined> {
    const { messages, expected } = append;
    if (expected.version !== undefined) return undefined;
    if (messages.some(({ request_hash }) => request_hash !== undefined)) return undefined;
    const done = await this.groups.append(principal, place.target, append);
    return done && { created: true, answer: toAnswer(append, toViews(place, messages, done), done) };
  }

  /** In one statement, which is sent at once. @throws Unsettled, and pg's error for an id that is taken */
  async plainly(tx: TenantTx, principal: Principal, place: AppendPlace, append: Append): Promise<AppendResult> {
    const { messages, expected } = append;
    const done = await this.appends.append(tx, principal, place.target, messages, expected.version);
    if (!done) throw new Unsettled();
    return { created: true, answer: toAnswer(append, toViews(place, messages, done), done) };
  }

  /**
   * Under the thread's lock: what is stored already is found and left out, the rest is appended.
   * @throws THREAD_NOT_FOUND, MESSAGE_ID_CONFLICT, PARTIAL_RETRY, START_SEQ_CONFLICT, TOOL_CALL_UNKNOWN,
   *   VERSION_CONFLICT, PRECONDITION_FAILED
   */
  async carefully(tx: TenantTx, principal: Principal, place: AppendPlace, append: Append): Promise<AppendResult> {
    const thread = await place.open(tx, append.expected);
    const known = await this.replay.findKnown(tx, thread, append.messages, append.startSeq);
    // A retry rests on the version before its first attempt, which is no longer current.
    if (known.size === 0) checkVersion(append.expected, thread.version);
    if (append.strict) await this.replay.checkToolCalls(tx, thread, append.messages);
    const fresh = append.messages.filter((message) => !known.has(message));
    const done = await this.store(tx, principal, thread, fresh);
    const settled = await place.settle?.(tx, { ...thread, ...done });
    const stored = done ? toViews(place, fresh, done) : [];
    // Both lists are in the order of the request, so one walk puts them together.
    const views = append.messages.map((message) => {
      const row = known.get(message);
      return row ? place.view(row) : (stored.shift() as AppendedView);
    });
    // A known message under an id of ours was stored by an earlier attempt of this very request.
    const isOurs = (message: NewMessage) => !message.request_hash && known.get(message)?.id === message.id;
    const created = fresh.length > 0 || append.messages.some(isOurs);
    return { created, answer: toAnswer(append, views, settled ?? done ?? thread) };
  }

  /**
   * The answer without the write: everything is valid and counted, and `seq` is 0 (F35). An empty batch makes no session (U66).
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, VERSION_CONFLICT, PRECONDITION_FAILED
   */
  async notAtAll(principal: Principal, place: AppendPlace, append: Append): Promise<AppendResult> {
    const thread = await this.threads.get(principal, place.target);
    checkVersion(append.expected, thread.version);
    const placement = { thread_id: thread.id, seq: 0, created_at: new Date().toISOString() };
    const views = append.messages.map((message) => place.view(toRow(message, placement)));
    return { created: false, answer: toAnswer(append, views, thread) };
  }

  /** Appends to a thread that `tx` holds. @returns `undefined` if there is nothing to append */
  async store(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    messages: NewMessage[],
  ): Promise<Appended | undefined> {
    if (messages.length === 0) return undefined;
    return this.appends.append(tx, principal, byThread(thread.id), messages);
  }
}

function toViews(place: AppendPlace, messages: NewMessage[], done: Appended): AppendedView[] {
  const { thread_id, base } = done;
  const created_at = done.updated_at.toISOString();
  return messages.map((message, i) => place.view(toRow(message, { thread_id, seq: base + i + 1, created_at })));
}

function toAnswer(append: Append, views: AppendedView[], thread: ThreadCounts) {
  if (!append.isBatch) return views[0];
  const { message_count: total, version } = thread;
  return { data: views, success: true, message_count: views.length, total, version };
}
