import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { checkVersion, precondition } from '../http/request/versions';
import type { TenantTx } from '../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import {
  AppendService,
  checkMessageId,
  type MessageInput,
  type MessageRow,
  MessagesService,
  type MessageView,
  type UpdateMessage,
} from '../messages';
import { byThread } from '../threads';
import { ForkingRepository } from './forking.repository';
import { ThreadCopies } from './thread-copies';

/** What an edit says beside its body. */
export interface EditOptions {
  ifMatch?: number;
  idempotencyKey?: IdempotencyKey;
}

/** Edits a message in a copy of the conversation before it, as chat products do; the source stays as it is. */
@Injectable()
export class BranchingService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly messages: MessagesService,
    private readonly copies: ThreadCopies,
    private readonly forks: ForkingRepository,
    private readonly appends: AppendService,
  ) {}

  /**
   * The new thread is the caller's own, whoever has the source, and becomes the current one.
   * @returns the edited message, the last one of the new thread
   * @throws MESSAGE_NOT_FOUND, VALIDATION_FAILED, METADATA_TOO_LARGE, PRECONDITION_FAILED, VERSION_CONFLICT, IDEMPOTENCY_KEY_REUSED
   */
  branch(
    principal: Principal,
    id: string,
    body: UpdateMessage,
    { ifMatch, idempotencyKey }: EditOptions,
  ): Promise<MessageView> {
    checkMessageId(id);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const { message, source } = await this.holdSource(tx, principal, id);
      checkVersion(precondition(ifMatch, body), source.version);
      const upTo = { up_to_seq: message.seq - 1 };
      const { id: threadId } = await this.copies.copyToNew(tx, principal, source, source.name, upTo);
      return this.append(tx, principal, threadId, await this.edited(tx, message, body));
    });
  }

  /** The message and its thread, to which nobody writes until `tx` ends. @throws MESSAGE_NOT_FOUND */
  private async holdSource(tx: TenantTx, principal: Principal, id: string) {
    const { thread_id } = await this.messages.find(tx, principal, id);
    const source = await this.copies.hold(tx, principal, thread_id, byThread(thread_id));
    // Again: somebody may have edited or deleted it before we held its thread.
    return { message: await this.messages.find(tx, principal, id), source };
  }

  private async append(tx: TenantTx, principal: Principal, threadId: string, input: MessageInput) {
    const target = this.appends.targetOf(principal, threadId);
    return (await this.appends.appendIn(tx, principal, target, input)).answer as MessageView;
  }

  /** The message as it is sent anew: what the edit does not name is the original's, but for who wrote it and when. */
  private async edited(tx: TenantTx, message: MessageRow, body: UpdateMessage): Promise<MessageInput> {
    const { content, metadata, token_count, cost } = body;
    const stays = content === undefined && message.has_content;
    return {
      role: message.role,
      tool_calls: message.tool_calls,
      tool_call_id: message.tool_call_id,
      name: message.name,
      content: stays ? message.content : content,
      metadata: metadata ? await this.forks.mergeMetadata(tx, message.metadata, metadata) : message.metadata,
      token_count: token_count ?? (content === undefined ? message.token_count : undefined),
      cost: cost ?? message.cost,
    };
  }
}
