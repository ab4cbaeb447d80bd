import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { Pace } from '../../common/lanes';
import { CONFIG, type Config } from '../../config/config';
import { isDuplicate } from '../../database/door/database.errors';
import type { TenantTx } from '../../database/door/tenant-database';
import { checkCount } from '../../http/request/limits';
import { precondition } from '../../http/request/versions';
import { type IdempotencyKey, IdempotencyService } from '../../idempotency';
import { byThread, checkTarget, gateOf, type Thread } from '../../threads';
import type { AppendMessage, AppendMessages, MessageBatch, MessageInput } from '../messages.dto';
import { toMessageView } from '../message-views';
import { type AppendedView, type AppendTarget, AppendWriter, type Stored, Unsettled } from './append-writer';
import { AppendAdmission, GroupCommitService } from './group-commit.service';
import {
  type Append,
  type Appended,
  checkSender,
  type MessageRules,
  type NewMessage,
  sizeOf,
  toNewMessage,
  toRows,
} from './new-message';

export type { AppendTarget } from './append-writer';
type AppendBody = AppendMessage | AppendMessages;

export interface AppendOptions {
  idempotencyKey?: IdempotencyKey;
  ifMatch?: number;
  /** false: validate and count, but store nothing. */
  persist?: boolean;
}

/** An append's answer; `created` is false when everything in it was there already. */
export interface AppendResult {
  created: boolean;
  answer: AppendedView | AppendedBatch;
}

interface AppendedBatch extends Omit<MessageBatch, 'data'> {
  data: AppendedView[];
}

/** Messages were appended, and committed. */
export interface AppendEvent extends Pick<Appended, 'thread_id' | 'message_count' | 'token_count' | 'auto_summarize'> {
  /** Who appended. */
  principal: Principal;
}

type AppendListener = (event: AppendEvent) => void;

/** The one way in which messages come into a thread. */
@Injectable()
export class AppendService {
  private readonly logger = new Logger('Appends');
  private readonly listeners = new Set<AppendListener>();
  private readonly admission = new AppendAdmission();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly idempotency: IdempotencyService,
    private readonly groups: GroupCommitService,
    private readonly writer: AppendWriter,
  ) {}

  /**
   * Tells of appends in this process, once they are committed; an event may be lost with the process, or with the
   * connection. No append waits for a listener, or fails with it: what it does at once delays the answer.
   */
  listen(listener: AppendListener): void {
    this.listeners.add(listener);
  }

  /**
   * Stores one message or a batch, in order, all or nothing. One statement in one round trip, with others that wait at
   * the same time, unless something is to be compared first.
   * @throws VALIDATION_FAILED, METADATA_TOO_LARGE, TOO_MANY_ITEMS, SENDER_MISMATCH, STORE_UNAVAILABLE,
   *   IDEMPOTENCY_KEY_REUSED, and what `AppendWriter.appendUnderLock` throws
   */
  async append(
    principal: Principal,
    threadId: string,
    body: AppendBody,
    options?: AppendOptions,
  ): Promise<AppendResult> {
    return this.appendTo(principal, this.targetOf(principal, threadId), body, options);
  }

  /** The same at a target that another service knows, such as a session. */
  async appendTo(
    principal: Principal,
    target: AppendTarget,
    body: AppendBody,
    { idempotencyKey, ifMatch, persist = true }: AppendOptions = {},
  ): Promise<AppendResult> {
    return this.admission.pass(principal.orgId, sizeOf('messages' in body ? body.messages : [body]), async () => {
      const append = await this.prepare(principal, body, ifMatch);
      return persist && append.messages.length > 0
        ? this.store(principal, target, append, idempotencyKey)
        : this.previewAppend(principal, target, append);
    });
  }

  /** The same inside a transaction of another service. */
  async appendIn(tx: TenantTx, principal: Principal, target: AppendTarget, body: AppendBody): Promise<AppendResult> {
    return this.appendUnderLock(tx, principal, target, await this.prepare(principal, body));
  }

  /** Appends messages to a thread that `tx` holds. @throws pg's error for an id that is taken */
  async storeIn(tx: TenantTx, principal: Principal, thread: Thread, messages: NewMessage[]): Promise<void> {
    const json = messages.map((message) => JSON.stringify(message));
    this.announce(tx, principal, await this.writer.store(tx, principal, thread, { messages, json }));
  }

  /** A thread as a target, for a caller who knows its id. @throws THREAD_NOT_FOUND for what is no id of a thread */
  targetOf(principal: Principal, threadId: string): AppendTarget {
    const target = byThread(threadId);
    checkTarget(target);
    return { ...target, open: (tx) => this.writer.lock(tx, principal, target), view: toMessageView };
  }

  /**
   * Messages that are valid and counted, by the limits and the estimator of the configuration. Many take their time.
   * @param list name of their list in the body, for error texts
   * @param exceptions rules that are not those of the configuration
   * @throws VALIDATION_FAILED, METADATA_TOO_LARGE, MESSAGE_TOO_LARGE, SENDER_MISMATCH
   */
  async toMessages(
    principal: Principal,
    inputs: MessageInput[],
    list?: string,
    exceptions: Partial<MessageRules> = {},
  ): Promise<NewMessage[]> {
    for (const { sender_id } of inputs) checkSender(principal, sender_id);
    const { METADATA_LIMIT_BYTES: metadataBytes, MESSAGE_LIMIT_BYTES: bytes, TOKEN_ESTIMATOR } = this.config.env;
    const rules = { metadataBytes, bytes, ...exceptions, estimator: exceptions.estimator ?? TOKEN_ESTIMATOR };
    const [messages, pace] = [[] as NewMessage[], new Pace()];
    for (const [i, input] of inputs.entries()) {
      if (pace.isDue) await pace.rest();
      messages.push(toNewMessage(input, rules, list ? `${list}.${i}.` : ''));
    }
    return messages;
  }

  /** @throws VALIDATION_FAILED, METADATA_TOO_LARGE, MESSAGE_TOO_LARGE, TOO_MANY_ITEMS, SENDER_MISMATCH */
  private async prepare(principal: Principal, body: AppendBody, ifMatch?: number): Promise<Append> {
    const isBatch = 'messages' in body;
    const inputs = isBatch ? body.messages : [body];
    const { MESSAGE_BATCH_LIMIT, TOOL_CALL_LINKAGE } = this.config.env;
    checkCount(inputs, MESSAGE_BATCH_LIMIT);
    const rules = { estimator: body.token_estimator };
    const messages = await this.toMessages(principal, inputs, isBatch ? 'messages' : undefined, rules);
    const json = messages.map((message) => JSON.stringify(message));
    return {
      messages,
      json,
      size: json.reduce((sum, text) => sum + text.length, 0),
      isBatch,
      startSeq: isBatch ? body.start_seq : undefined,
      expected: precondition(ifMatch, body),
      strict: TOOL_CALL_LINKAGE === 'strict' && messages.some((message) => message.tool_call_id !== undefined),
    };
  }

  /** In the cheapest way that is right for it; under the thread's lock where that finds something to compare. */
  private async store(principal: Principal, target: AppendTarget, append: Append, key?: IdempotencyKey) {
    const work = (tx: TenantTx) => this.appendUnderLock(tx, principal, target, append);
    const gate = gateOf(principal, target);
    const underLock = () => this.idempotency.once(principal, key, work, { gate });
    if (append.startSeq !== undefined || append.strict) return underLock();
    try {
      const grouped = key || !mayGroup(append) ? undefined : await this.appendInGroup(principal, target, append);
      return grouped ?? (await this.appendInOneStatement(principal, target, append, key));
    } catch (error) {
      if (!(error instanceof Unsettled) && !isDuplicate(error, 'messages_id_key')) throw error;
      return underLock();
    }
  }

  /** With others that wait at the same time. @returns `undefined` when it has to go alone */
  private async appendInGroup(principal: Principal, target: AppendTarget, append: Append) {
    const appended = await this.groups.append(principal, target, append);
    if (!appended) return undefined;
    this.tell(principal, appended);
    const rows = toRows(principal, append.messages, appended);
    return toResult(target, append, { created: true, rows, counts: appended });
  }

  /** @throws Unsettled, and pg's error for an id that is taken */
  private async appendInOneStatement(principal: Principal, target: AppendTarget, append: Append, key?: IdempotencyKey) {
    if (!key) {
      const stored = await this.writer.appendInOneStatement(principal, target, append);
      if (stored.appended) this.tell(principal, stored.appended);
      return toResult(target, append, stored);
    }
    const work = async (tx: TenantTx) => {
      const stored = await this.writer.appendInOneStatementOf(tx, principal, target, append);
      this.announce(tx, principal, stored.appended);
      return toResult(target, append, stored);
    };
    return this.idempotency.once(principal, key, work, { gate: gateOf(principal, target) });
  }

  private async appendUnderLock(tx: TenantTx, principal: Principal, target: AppendTarget, append: Append) {
    const stored = await this.writer.appendUnderLock(tx, principal, target, append);
    this.announce(tx, principal, stored.appended);
    return toResult(target, append, stored);
  }

  private async previewAppend(principal: Principal, target: AppendTarget, append: Append): Promise<AppendResult> {
    return toResult(target, append, await this.writer.previewAppend(principal, target, append));
  }

  /** Tells the listeners once `tx` is committed. */
  private announce(tx: TenantTx, principal: Principal, appended: Appended | undefined): void {
    if (appended) tx.afterCommit(() => this.tell(principal, appended));
  }

  private tell(principal: Principal, { thread_id, message_count, token_count, auto_summarize }: Appended): void {
    const event = { principal, thread_id, message_count, token_count, auto_summarize };
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error(error);
      }
    }
  }
}

/** Whether nothing is to be compared, and no earlier attempt of the caller can have stored it. */
const mayGroup = ({ expected, messages }: Append) =>
  expected.version === undefined && messages.every(({ request_hash }) => request_hash === undefined);

function toResult(target: AppendTarget, { isBatch }: Append, { created, rows, counts }: Stored): AppendResult {
  const views = rows.map((row) => target.view(row));
  if (!isBatch) return { created, answer: views[0] };
  const { message_count: total, version } = counts;
  return { created, answer: { data: views, success: true, message_count: views.length, total, version } };
}
