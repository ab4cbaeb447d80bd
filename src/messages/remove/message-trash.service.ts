import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { isUuid } from '../../common/ids';
import { TenantDatabase } from '../../database/door/tenant-database';
import { DEFAULT_LIMIT, type PageQuery, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { checkTarget, type Target } from '../../threads';
import { HeldThreads, type WriteOptions } from '../edit/held-threads';
import { toMessageView } from '../message-views';
import type { MessageView } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { checkMessageId } from '../read/messages.service';
import { shownOf } from '../read/page-bytes';
import { MessageRemovals } from './message-removals';
import type { MessageTrashList, RestoredMessages, RestoreMessages, TrashedMessage } from './message-trash.dto';
import { MessageTrashRepository, type TrashRow } from './message-trash.repository';

/**
 * Shows the messages in the trash, to those who may write to their thread, and brings them back, each to its place.
 * Summaries that went with them stay gone.
 */
@Injectable()
export class MessageTrashService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly trash: MessageTrashRepository,
    private readonly removals: MessageRemovals,
    private readonly threads: HeldThreads,
  ) {}

  /** The messages in a thread's trash, the last removal first. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE, INVALID_CURSOR, BAD_REQUEST */
  async list(principal: Principal, target: Target, query: PageQuery): Promise<MessageTrashList> {
    checkTarget(target);
    const { limit = DEFAULT_LIMIT, order = 'desc', offset = 0 } = query;
    const position = positionOf(query, [isUuid, Number.isSafeInteger]) as [string, number] | undefined;
    const after = position && { removal_id: position[0], seq: position[1] };
    const slice = { after, order, limit: rowsFor(limit), offset };
    // No read-only transaction: what tells a writer locks the share that lets them write.
    const rows = await this.db.run(
      principal,
      async (tx) =>
        (await this.trash.list(tx, principal, target, slice)) ?? this.threads.refuseThread(tx, principal, target),
    );
    return toPage(rows, shownOf(rows, limit), toTrashedMessage, (row: TrashRow) => [row.removal_id, row.seq]);
  }

  /** One message; one that is there already stays as it is. @throws MESSAGE_NOT_FOUND, MESSAGE_ID_IN_USE, THREAD_NOT_WRITABLE */
  async restore(principal: Principal, id: string): Promise<MessageView> {
    checkMessageId(id);
    return this.db.run(principal, async (tx) => {
      const thread = await this.threads.find(tx, principal, id, 'deleted_messages');
      const back = thread && (await this.removals.putBack(tx, thread, { messageId: id }));
      if (back?.seqs.length === 0 && back.left > 0) throw messageErrors.MESSAGE_ID_IN_USE();
      // Not in the trash, or not any more: it is there, or it is nowhere.
      if (!back?.seqs.length) await this.threads.of(tx, principal, id);
      const row = await this.threads.message(tx, principal, id);
      if (!row) throw messageErrors.MESSAGE_NOT_FOUND(id);
      return toMessageView(row);
    });
  }

  /** All of a thread's trash, or what went in one removal. @throws MESSAGE_ID_IN_USE, and what `HeldThreads.write` throws */
  restoreAll(
    principal: Principal,
    target: Target,
    body: RestoreMessages,
    options: WriteOptions,
  ): Promise<RestoredMessages> {
    return this.threads.write(principal, target, body, options, async (tx, thread) => {
      const back = await this.removals.putBack(tx, thread, { removalId: body.removal_id });
      return { restored: back.seqs.length, skipped: back.left, total: back.message_count, version: back.version };
    });
  }
}

const toTrashedMessage = (row: TrashRow): TrashedMessage => ({
  ...toMessageView(row),
  removal_id: row.removal_id,
  reason: row.reason,
  deleted_by: row.deleted_by,
  deleted_at: row.deleted_at,
});
