import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { checkCount } from '../common/limits';
import { checkVersion, type Precondition, precondition } from '../common/versions';
import { CONFIG, type Config } from '../config/config';
import { isDuplicate } from '../database/database.errors';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { Retry } from '../idempotency/retry';
import { checkThreadId, ThreadsService } from '../threads/threads.service';
import { AppendReplay } from './append-replay';
import { toMessageView, toRow } from './message-views';
import type { AppendMessage, AppendMessages, MessageBatch, MessageView } from './messages.dto';
import { MessagesRepository } from './messages.repository';
import { type NewMessage, toNewMessage } from './new-message';

/** An append's answer; `created` is false when everything in it was there already. */
export interface AppendResult {
  created: boolean;
  answer: MessageView | MessageBatch;
}

export interface AppendOptions {
  retry?: Retry;
  ifMatch?: number;
  /** false: validate and count, but store nothing. */
  persist?: boolean;
}

interface Append {
  threadId: string;
  messages: NewMessage[];
  expected: Precondition;
  startSeq?: number;
  isBatch: boolean;
}

/** The plain statement stored nothing: the thread is away, at another version, or the messages are known. */
class Unsettled extends Error {}

/** The one way in which messages come into a thread. */
@Injectable()
export class AppendService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly messages: MessagesRepository,
    private readonly threads: ThreadsService,
    private readonly replay: AppendReplay,
    private readonly idempotency: IdempotencyService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Stores one message or a batch, in order, all or nothing. One statement in one round trip, unless something
   * is to be compared first.
   * @throws THREAD_NOT_FOUND, MESSAGE_ID_CONFLICT, START_SEQ_CONFLICT, TOOL_CALL_UNKNOWN, VERSION_CONFLICT, PRECONDITION_FAILED
   */
  async append(
    principal: Principal,
    threadId: string,
    body: AppendMessage | AppendMessages,
    { retry, ifMatch, persist = true }: AppendOptions = {},
  ): Promise<AppendResult> {
    const append = this.prepare(threadId, body, ifMatch);
    if (!persist) return this.check(principal, append);
    const careful = append.startSeq !== undefined || append.messages.length === 0 || this.checksTools(append);
    if (careful) return this.appendCarefully(principal, append, retry);
    try {
      return await this.appendPlainly(principal, append, retry);
    } catch (error) {
      if (!(error instanceof Unsettled) && !isDuplicate(error, 'messages_id_key')) throw error;
      return this.appendCarefully(principal, append, retry);
    }
  }

  /** The answer without the write: everything is valid and counted, and `seq` is 0 (F35). */
  private async check(principal: Principal, append: Append): Promise<AppendResult> {
    const thread = await this.threads.get(principal, append.threadId);
    const place = { thread_id: thread.id, seq: 0, created_at: new Date() };
    const views = append.messages.map((message) => toMessageView(toRow(message, place)));
    return { created: false, answer: toAnswer(append, views, thread) };
  }

  private prepare(threadId: string, body: AppendMessage | AppendMessages, ifMatch?: number): Append {
    checkThreadId(threadId);
    const isBatch = 'messages' in body;
    const inputs = isBatch ? body.messages : [body];
    const { MESSAGE_BATCH_LIMIT, METADATA_LIMIT_BYTES, TOKEN_ESTIMATOR } = this.config.env;
    checkCount(inputs, MESSAGE_BATCH_LIMIT);
    const rules = { estimator: body.token_estimator ?? TOKEN_ESTIMATOR, metadataBytes: METADATA_LIMIT_BYTES };
    const messages = inputs.map((input, i) => toNewMessage(input, rules, isBatch ? `messages.${i}.` : ''));
    const startSeq = isBatch ? body.start_seq : undefined;
    return { threadId, messages, isBatch, startSeq, expected: precondition(ifMatch, body) };
  }

  private checksTools({ messages }: Append): boolean {
    return (
      this.config.env.TOOL_CALL_LINKAGE === 'strict' && messages.some((message) => message.tool_call_id !== undefined)
    );
  }

  private appendPlainly(principal: Principal, append: Append, retry?: Retry): Promise<AppendResult> {
    const work = (tx: TenantTx) => this.store(tx, principal, append);
    // Ids are fixed before the first attempt, so an attempt whose outcome was lost is found by them.
    return retry
      ? this.idempotency.once(principal, retry, work)
      : this.db.runOne(principal, work, { repeatable: true });
  }

  private async store(tx: TenantTx, principal: Principal, append: Append): Promise<AppendResult> {
    const { threadId, messages, expected } = append;
    const done = await this.messages.append(tx, principal, threadId, messages, expected.version);
    if (!done) throw new Unsettled();
    const views = messages.map((message, i) =>
      toMessageView(toRow(message, { thread_id: threadId, seq: done.base + i + 1, created_at: done.updated_at })),
    );
    return { created: true, answer: toAnswer(append, views, done) };
  }

  /** Under the thread's lock: what is stored already is found and left out, the rest is appended. */
  private appendCarefully(principal: Principal, append: Append, retry?: Retry): Promise<AppendResult> {
    return this.idempotency.once(principal, retry, async (tx) => {
      const thread = await this.threads.lock(tx, principal, append.threadId);
      const known = await this.replay.findKnown(tx, thread, append.messages, append.startSeq);
      const fresh = append.messages.filter((message) => !known.has(message));
      if (known.size === 0) checkVersion(append.expected, thread.version);
      if (this.config.env.TOOL_CALL_LINKAGE === 'strict') await this.replay.checkToolCalls(tx, thread, append.messages);
      const views = new Map([...known].map(([message, row]) => [message, toMessageView(row)]));
      const done = fresh.length > 0 ? await this.messages.append(tx, principal, thread.id, fresh) : undefined;
      for (const [i, message] of fresh.entries()) {
        const place = {
          thread_id: thread.id,
          seq: (done?.base ?? 0) + i + 1,
          created_at: done?.updated_at ?? new Date(),
        };
        views.set(message, toMessageView(toRow(message, place)));
      }
      const inOrder = append.messages.map((message) => views.get(message) as MessageView);
      // A known message of an id of ours was stored by an earlier attempt of this very request.
      const isOurs = (message: NewMessage) =>
        message.request_hash === undefined && known.get(message)?.id === message.id;
      const created = append.messages.some((message) => !known.has(message) || isOurs(message));
      return { created, answer: toAnswer(append, inOrder, done ?? thread) };
    });
  }
}

function toAnswer(append: Append, views: MessageView[], thread: { message_count: number; version: number }) {
  if (!append.isBatch) return views[0];
  const { message_count: total, version } = thread;
  return { data: views, success: true, message_count: views.length, total, version };
}
