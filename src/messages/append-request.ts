import { Inject, Injectable } from '@nestjs/common';
import { checkCount } from '../common/limits';
import { type Precondition, precondition } from '../common/versions';
import { CONFIG, type Config } from '../config/config';
import { checkThreadId } from '../threads/threads.service';
import type { AppendMessage, AppendMessages } from './messages.dto';
import { type NewMessage, toNewMessage } from './new-message';

/** An append that is valid and counted, before it meets the database. */
export interface Append {
  threadId: string;
  messages: NewMessage[];
  expected: Precondition;
  /** Position of the first message, if the caller gave one (P54). */
  startSeq?: number;
  isBatch: boolean;
  /** Whether a tool's result must follow its call (C50). */
  strict: boolean;
}

/** Makes appends of bodies, by the limits and the estimator of the configuration. */
@Injectable()
export class AppendRequests {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** @throws VALIDATION_FAILED, METADATA_TOO_LARGE, TOO_MANY_ITEMS, THREAD_NOT_FOUND for what is no id of a thread */
  prepare(threadId: string, body: AppendMessage | AppendMessages, ifMatch?: number): Append {
    checkThreadId(threadId);
    const isBatch = 'messages' in body;
    const inputs = isBatch ? body.messages : [body];
    const { MESSAGE_BATCH_LIMIT, METADATA_LIMIT_BYTES, TOKEN_ESTIMATOR, TOOL_CALL_LINKAGE } = this.config.env;
    checkCount(inputs, MESSAGE_BATCH_LIMIT);
    const rules = { estimator: body.token_estimator ?? TOKEN_ESTIMATOR, metadataBytes: METADATA_LIMIT_BYTES };
    const messages = inputs.map((input, i) => toNewMessage(input, rules, isBatch ? `messages.${i}.` : ''));
    return {
      threadId,
      messages,
      isBatch,
      startSeq: isBatch ? body.start_seq : undefined,
      expected: precondition(ifMatch, body),
      strict: TOOL_CALL_LINKAGE === 'strict' && messages.some((message) => message.tool_call_id !== undefined),
    };
  }
}
