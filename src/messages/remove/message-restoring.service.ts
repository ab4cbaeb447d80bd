import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { checkVersion, precondition } from '../../http/request/versions';
import { checkTarget, type Target } from '../../threads/target';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import { MessageEditsRepository } from '../edit/message-edits.repository';
import { MessageThreads } from '../edit/message-threads';
import { MessageTrash } from './message-trash';
import type { RestoredMessages, RestoreMessages } from './message-trash.dto';
import type { UndoOptions } from '../undo/message-undo.service';
import { toMessageView } from '../message-views';
import type { MessageView } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { checkMessageId } from '../read/messages.service';

/** Brings messages back from the trash, each to its place. Summaries that went with them stay gone. */
@Injectable()
export class MessageRestoringService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly edits: MessageEditsRepository,
    private readonly threads: MessageThreads,
    private readonly trash: MessageTrash,
  ) {}

  /** One message; one that is there already stays as it is. @throws MESSAGE_NOT_FOUND, MESSAGE_ID_IN_USE, THREAD_NOT_WRITABLE */
  async restore(principal: Principal, id: string): Promise<MessageView> {
    checkMessageId(id);
    return this.idempotency.once(principal, undefined, async (tx) => {
      const thread = await this.threads.find(tx, principal, id, 'deleted_messages');
      const back = thread && (await this.trash.putBack(tx, thread, { messageId: id }));
      if (back?.seqs.length === 0 && back.left > 0) throw messageErrors.MESSAGE_ID_IN_USE();
      // Not in the trash, or not any more: it is there, or it is nowhere.
      if (!back?.seqs.length) await this.threads.of(tx, principal, id);
      const row = await this.edits.find(tx, principal.orgId, id);
      if (!row) throw messageErrors.MESSAGE_NOT_FOUND(id);
      return toMessageView(row);
    });
  }

  /**
   * All of a thread's trash, or what went in one removal.
   * @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE, MESSAGE_ID_IN_USE, PRECONDITION_FAILED, VERSION_CONFLICT, IDEMPOTENCY_KEY_REUSED
   */
  restoreAll(
    principal: Principal,
    target: Target,
    body: RestoreMessages,
    { ifMatch, idempotencyKey }: UndoOptions,
  ): Promise<RestoredMessages> {
    checkTarget(target);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.threads.hold(tx, principal, target);
      checkVersion(precondition(ifMatch, body), thread.version);
      const back = await this.trash.putBack(tx, thread, { removalId: body.removal_id });
      return { restored: back.seqs.length, skipped: back.left, total: back.message_count, version: back.version };
    });
  }
}
