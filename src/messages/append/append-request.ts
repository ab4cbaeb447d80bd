import { Inject, Injectable } from '@nestjs/common';
import { commonErrors } from '../../common/errors';
import { checkCount } from '../../http/request/limits';
import { type Precondition, precondition } from '../../http/request/versions';
import { CONFIG, type Config } from '../../config/config';
import type { Estimator } from '../../tokens/estimator';
import type { AppendMessage, AppendMessages, MessageInput } from '../messages.dto';
import { type NewMessage, toNewMessage } from './new-message';

/** An append that is valid and counted, before it meets the database. */
export interface Append {
  messages: NewMessage[];
  /** Each as JSON. */
  json: string[];
  /** Characters of all. */
  size: number;
  expected: Precondition;
  /** Position of the first message, if the caller gave one (P54). */
  startSeq?: number;
  isBatch: boolean;
  /** Whether a tool's result must follow its call (C50). */
  strict: boolean;
}

/** Characters that wait in this process at most, before callers are sent away. */
const MOST_WAITING = 64_000_000;

/** Makes appends of bodies, by the limits and the estimator of the configuration. */
@Injectable()
export class AppendRequests {
  /** Characters of the appends that are under way. */
  private waiting = 0;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** @throws VALIDATION_FAILED, METADATA_TOO_LARGE, TOO_MANY_ITEMS */
  prepare(body: AppendMessage | AppendMessages, ifMatch?: number): Append {
    const isBatch = 'messages' in body;
    const inputs = isBatch ? body.messages : [body];
    const { MESSAGE_BATCH_LIMIT, TOOL_CALL_LINKAGE } = this.config.env;
    checkCount(inputs, MESSAGE_BATCH_LIMIT);
    const messages = this.toMessages(inputs, isBatch ? 'messages' : undefined, body.token_estimator);
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

  /**
   * Does `work` with an append, unless too much waits already.
   * @throws STORE_UNAVAILABLE
   */
  async admit<T>({ size }: Append, work: () => Promise<T>): Promise<T> {
    // One is always let in, however large.
    if (this.waiting > 0 && this.waiting + size > MOST_WAITING)
      throw commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
    this.waiting += size;
    try {
      return await work();
    } finally {
      this.waiting -= size;
    }
  }

  /**
   * Messages that are valid and counted.
   * @param list name of their list in the body, for error texts
   * @throws VALIDATION_FAILED, METADATA_TOO_LARGE
   */
  toMessages(inputs: MessageInput[], list?: string, estimator?: Estimator): NewMessage[] {
    const { METADATA_LIMIT_BYTES, TOKEN_ESTIMATOR } = this.config.env;
    const rules = { estimator: estimator ?? TOKEN_ESTIMATOR, metadataBytes: METADATA_LIMIT_BYTES };
    return inputs.map((input, i) => toNewMessage(input, rules, list ? `${list}.${i}.` : ''));
  }
}
