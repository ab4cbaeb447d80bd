import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { toDecimal } from '../common/decimal';
import { commonErrors } from '../common/errors';
import { checkMetadata } from '../common/limits';
import { checkVersion, precondition } from '../common/versions';
import { CONFIG, type Config } from '../config/config';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import { byThread, type Target } from '../database/visibility';
import type { Thread } from '../threads/thread.entity';
import { checkTarget, ThreadsService } from '../threads/threads.service';
import { type MessageChange, MessageEditsRepository } from './message-edits.repository';
import { toStored } from './message-content';
import { toMessageView } from './message-views';
import type { MessageRow } from './message.entity';
import type { ClearedThread, DeletedMessage, MessageView, UpdateMessage } from './messages.dto';
import { messageErrors } from './messages.errors';
import { checkMessageId } from './messages.service';
import { countTokens } from './new-message';

/** Edits and deletes messages; the thread's counters stay exact, in the same transaction (C40). */
@Injectable()
export class MessageEditsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly edits: MessageEditsRepository,
    private readonly threads: ThreadsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Position and created_at stay (F42). @throws MESSAGE_NOT_FOUND, VERSION_CONFLICT, PRECONDITION_FAILED, METADATA_TOO_LARGE */
  async update(principal: Principal, id: string, body: UpdateMessage, ifMatch?: number): Promise<MessageView> {
    checkMessageId(id);
    checkMetadata(body.metadata, this.config.env.METADATA_LIMIT_BYTES);
    return this.db.run(principal, async (tx) => {
      const thread = await this.lockThreadOf(tx, principal, id);
      checkVersion(precondition(ifMatch, body), thread.version);
      const before = await this.edits.find(tx, principal.orgId, id);
      if (!before) throw messageErrors.MESSAGE_NOT_FOUND(id);
      const change = this.toChange(before, body);
      const after = await this.edits.update(tx, principal.orgId, id, change);
      checkMetadata(after.metadata, this.config.env.METADATA_LIMIT_BYTES);
      const tokens = change.token_count - before.token_count;
      await this.threads.count(tx, thread, { messages: 0, tokens, costAdded: change.cost, costRemoved: before.cost });
      return toMessageView(after);
    });
  }

  /** @throws MESSAGE_NOT_FOUND, PRECONDITION_FAILED */
  async delete(principal: Principal, id: string, ifMatch?: number): Promise<DeletedMessage> {
    checkMessageId(id);
    return this.db.run(principal, async (tx) => {
      const thread = await this.lockThreadOf(tx, principal, id);
      checkVersion(precondition(ifMatch), thread.version);
      const gone = await this.edits.delete(tx, principal.orgId, id);
      if (!gone) throw messageErrors.MESSAGE_NOT_FOUND(id);
      await this.threads.count(tx, thread, { messages: -1, tokens: -gone.token_count, costRemoved: gone.cost });
      return { deleted: true, id };
    });
  }

  /** Removes all messages; the thread, its name and its metadata stay (F29, C39). @throws THREAD_NOT_FOUND, PRECONDITION_FAILED */
  async clear(principal: Principal, target: Target, ifMatch?: number): Promise<ClearedThread> {
    checkTarget(target);
    return this.db.run(principal, async (tx) => {
      const thread = await this.threads.lock(tx, principal, target);
      checkVersion(precondition(ifMatch), thread.version);
      const cleared = await this.edits.clear(tx, principal.orgId, thread.id);
      if (cleared > 0) {
        const change = { messages: -cleared, tokens: -thread.token_count, costRemoved: thread.total_cost };
        await this.threads.count(tx, thread, change);
      }
      return { cleared };
    });
  }

  private async lockThreadOf(tx: TenantTx, principal: Principal, id: string): Promise<Thread> {
    const thread = await this.edits.lockThreadOf(tx, principal, id);
    if (thread) return thread;
    const missing = messageErrors.MESSAGE_NOT_FOUND(id);
    const message = await this.edits.find(tx, principal.orgId, id);
    if (!message) throw missing;
    return this.threads.refuse(tx, principal, byThread(message.thread_id), missing);
  }

  private toChange(before: MessageRow, body: UpdateMessage): MessageChange {
    const stays = body.content === undefined;
    if (body.content === null && !before.tool_calls?.length) {
      const errors = [{ field: 'content', message: 'content is required unless the message calls tools' }];
      throw commonErrors.VALIDATION_FAILED().with({ errors });
    }
    const stored = toStored(body.content, body.metadata);
    const recount = () => countTokens(stored.content, before.tool_calls, this.config.env.TOKEN_ESTIMATOR);
    return {
      content: stored.content,
      metadata: Object.keys(stored.metadata).length > 0 ? stored.metadata : undefined,
      token_count: body.token_count ?? (stays ? before.token_count : recount()),
      cost: body.cost === undefined ? before.cost : (toDecimal(body.cost) as string),
    };
  }
}
