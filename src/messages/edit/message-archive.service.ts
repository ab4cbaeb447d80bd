import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { isUuid } from '../../common/ids';
import { DEFAULT_LIMIT, type PageQuery, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { TenantDatabase } from '../../database/door/tenant-database';
import { checkTarget, type Target } from '../../threads/target';
import { MessageRevisionsRepository, type RevisionRow } from './message-revisions.repository';
import { MessageThreads } from './message-threads';
import type {
  MessageRevisionList,
  MessageRevisionView,
  MessageTrashList,
  TrashedMessage,
} from '../remove/message-trash.dto';
import { MessageTrashRepository, type TrashRow } from '../remove/message-trash.repository';
import { toShown } from '../message-views';
import { toMessageView } from '../message-views';
import { checkMessageId } from '../read/messages.service';

/**
 * Shows what messages were, to those who may write to their thread: whoever may only read it sees what it is now. The
 * transactions are no read-only ones: what tells a writer locks the share that lets them write.
 */
@Injectable()
export class MessageArchiveService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly trash: MessageTrashRepository,
    private readonly revisions: MessageRevisionsRepository,
    private readonly threads: MessageThreads,
  ) {}

  /** The messages in a thread's trash, the last removal first. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE, INVALID_CURSOR, BAD_REQUEST */
  async listTrash(principal: Principal, target: Target, query: PageQuery): Promise<MessageTrashList> {
    checkTarget(target);
    const { limit = DEFAULT_LIMIT, order = 'desc', offset = 0 } = query;
    const position = positionOf(query, [isUuid, Number.isSafeInteger]) as [string, number] | undefined;
    const after = position && { removal_id: position[0], seq: position[1] };
    const slice = { after, order, limit: rowsFor(limit), offset };
    const rows = await this.db.run(
      principal,
      async (tx) =>
        (await this.trash.list(tx, principal, target, slice)) ?? this.threads.refuseThread(tx, principal, target),
    );
    return toPage(rows, limit, toTrashedMessage, (row: TrashRow) => [row.removal_id, row.seq]);
  }

  /** What a message was before its edits, newest first. @throws MESSAGE_NOT_FOUND, THREAD_NOT_WRITABLE, INVALID_CURSOR, BAD_REQUEST */
  async listRevisions(principal: Principal, id: string, query: PageQuery): Promise<MessageRevisionList> {
    checkMessageId(id);
    const { limit = DEFAULT_LIMIT, order = 'desc', offset = 0 } = query;
    const after = positionOf(query, [Number.isSafeInteger])?.[0] as number | undefined;
    const slice = { after, order, limit: rowsFor(limit), offset };
    const rows = await this.db.run(
      principal,
      async (tx) =>
        (await this.revisions.list(tx, principal, id, slice)) ?? this.threads.refuseMessage(tx, principal, id),
    );
    return toPage(rows, limit, toRevisionView, (row: RevisionRow) => [row.revision]);
  }
}

const toTrashedMessage = (row: TrashRow): TrashedMessage => ({
  ...toMessageView(row),
  removal_id: row.removal_id,
  reason: row.reason,
  deleted_by: row.deleted_by,
  deleted_at: row.deleted_at,
});

const toRevisionView = (row: RevisionRow): MessageRevisionView => ({
  revision: row.revision,
  content: row.has_content ? toShown(row.content, row.metadata) : undefined,
  metadata: row.metadata,
  token_count: row.token_count,
  cost: Number(row.cost),
  written_at: row.written_at,
  replaced_at: row.replaced_at,
  replaced_by: row.replaced_by,
});
