import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { checkVersion } from '../common/versions';
import type { TenantTx } from '../database/tenant-database';
import { ThreadsService } from '../threads/threads.service';
import { AppendReplay } from './append-replay';
import type { Append } from './append-request';
import { toMessageView, toRow } from './message-views';
import type { MessageBatch, MessageView } from './messages.dto';
import { type Appended, MessagesRepository } from './messages.repository';
import type { NewMessage } from './new-message';

/** An append's answer; `created` is false when everything in it was there already. */
export interface AppendResult {
  created: boolean;
  answer: MessageView | MessageBatch;
}

/** The plain statement stored nothing: the thread is away or at another version. */
export class Unsettled extends Error {}

/** Stores appends, inside a transaction that is given. */
@Injectable()
export class AppendWriter {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly threads: ThreadsService,
    private readonly replay: AppendReplay,
  ) {}

  /** In one statement, which is sent at once. @throws Unsettled, and pg's error for an id that is taken */
  async plainly(tx: TenantTx, principal: Principal, append: Append): Promise<AppendResult> {
    const { threadId, messages, expected } = append;
    const done = await this.messages.append(tx, principal, threadId, messages, expected.version);
    if (!done) throw new Unsettled();
    return { created: true, answer: toAnswer(append, toViews(append, messages, done), done) };
  }

  /**
   * Under the thread's lock: what is stored already is found and left out, the rest is appended.
   * @throws THREAD_NOT_FOUND, MESSAGE_ID_CONFLICT, PARTIAL_RETRY, START_SEQ_CONFLICT, TOOL_CALL_UNKNOWN,
   *   VERSION_CONFLICT, PRECONDITION_FAILED
   */
  async carefully(tx: TenantTx, principal: Principal, append: Append): Promise<AppendResult> {
    const thread = await this.threads.lock(tx, principal, append.threadId);
    const known = await this.replay.findKnown(tx, thread, append.messages, append.startSeq);
    // A retry rests on the version before its first attempt, which is no longer current.
    if (known.size === 0) checkVersion(append.expected, thread.version);
    if (append.strict) await this.replay.checkToolCalls(tx, thread, append.messages);
    const fresh = append.messages.filter((message) => !known.has(message));
    const done = fresh.length > 0 ? await this.messages.append(tx, principal, thread.id, fresh) : undefined;
    const stored = done ? toViews(append, fresh, done) : [];
    // Both lists are in the order of the request, so one walk puts them together.
    const views = append.messages.map((message) => {
      const row = known.get(message);
      return row ? toMessageView(row) : (stored.shift() as MessageView);
    });
    // A known message under an id of ours was stored by an earlier attempt of this very request.
    const isOurs = (message: NewMessage) => !message.request_hash && known.get(message)?.id === message.id;
    const created = fresh.length > 0 || append.messages.some(isOurs);
    return { created, answer: toAnswer(append, views, done ?? thread) };
  }

  /** The answer without the write: everything is valid and counted, and `seq` is 0 (F35). @throws THREAD_NOT_FOUND */
  async notAtAll(principal: Principal, append: Append): Promise<AppendResult> {
    const thread = await this.threads.get(principal, append.threadId);
    const place = { thread_id: thread.id, seq: 0, created_at: new Date().toISOString() };
    const views = append.messages.map((message) => toMessageView(toRow(message, place)));
    return { created: false, answer: toAnswer(append, views, thread) };
  }
}

function toViews(
  { threadId: thread_id }: Append,
  messages: NewMessage[],
  { base, updated_at }: Appended,
): MessageView[] {
  const created_at = updated_at.toISOString();
  return messages.map((message, i) => toMessageView(toRow(message, { thread_id, seq: base + i + 1, created_at })));
}

function toAnswer(append: Append, views: MessageView[], thread: { message_count: number; version: number }) {
  if (!append.isBatch) return views[0];
  const { message_count: total, version } = thread;
  return { data: views, success: true, message_count: views.length, total, version };
}
