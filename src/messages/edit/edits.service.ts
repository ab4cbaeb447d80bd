import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { toDecimal } from '../../common/decimal';
import { commonErrors } from '../../common/errors';
import { checkMetadata, saysAnything } from '../../http/request/limits';
import { checkVersion, precondition } from '../../http/request/versions';
import { CONFIG, type Config } from '../../config/config';
import { TenantDatabase } from '../../database/door/tenant-database';
import { DEFAULT_LIMIT, type PageQuery, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { EditsRepository, type MessageChange, type RevisionRow } from './edits.repository';
import { HeldThreads } from './held-threads';
import type { MessageRevisionList, MessageRevisionView } from './message-revisions.dto';
import { toMessageView, toShown, toStored } from '../message-views';
import type { MessageRow } from '../message.entity';
import type { MessageView, UpdateMessage } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { checkMessageId } from '../read/messages.service';
import { countTokens } from '../append/new-message';

/** Edits messages; the thread's counters stay exact, in the same transaction (C40). */
@Injectable()
export class EditsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly edits: EditsRepository,
    private readonly threads: HeldThreads,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Position and created_at stay (F42); what it was is kept as a revision. @throws MESSAGE_NOT_FOUND, VERSION_CONFLICT, PRECONDITION_FAILED, METADATA_TOO_LARGE, THREAD_NOT_WRITABLE */
  async update(principal: Principal, id: string, body: UpdateMessage, ifMatch?: number): Promise<MessageView> {
    checkMessageId(id);
    checkMetadata(body.metadata, this.config.env.METADATA_LIMIT_BYTES);
    return this.db.run(principal, async (tx) => {
      const thread = await this.threads.of(tx, principal, id);
      checkVersion(precondition(ifMatch, body), thread.version);
      const before = await this.edits.find(tx, principal.orgId, id);
      if (!before) throw messageErrors.MESSAGE_NOT_FOUND(id);
      const { content, token_count, cost, metadata } = body;
      if (!saysAnything({ content, token_count, cost }, metadata)) return toMessageView(before);
      const change = this.toChange(before, body);
      const revising = { by: principal.userId, keep: this.config.env.MESSAGE_REVISION_LIMIT };
      const after = await this.edits.update(tx, principal.orgId, id, change, revising);
      checkMetadata(after.metadata, this.config.env.METADATA_LIMIT_BYTES);
      const tokens = change.token_count - before.token_count;
      const counted = { messages: 0, tokens, costAdded: change.cost, costRemoved: before.cost };
      await this.threads.book(tx, thread, 'edited', [after.seq], counted);
      return toMessageView(after);
    });
  }

  /**
   * What a message was before its edits, newest first, to those who may write to its thread: whoever may only read it sees
   * what it is now. @throws MESSAGE_NOT_FOUND, THREAD_NOT_WRITABLE, INVALID_CURSOR, BAD_REQUEST
   */
  async listRevisions(principal: Principal, id: string, query: PageQuery): Promise<MessageRevisionList> {
    checkMessageId(id);
    const { limit = DEFAULT_LIMIT, order = 'desc', offset = 0 } = query;
    const after = positionOf(query, [Number.isSafeInteger])?.[0] as number | undefined;
    const slice = { after, order, limit: rowsFor(limit), offset };
    // No read-only transaction: what tells a writer locks the share that lets them write.
    const rows = await this.db.run(
      principal,
      async (tx) =>
        (await this.edits.listRevisions(tx, principal, id, slice)) ?? this.threads.refuseMessage(tx, principal, id),
    );
    return toPage(rows, limit, toRevisionView, (row: RevisionRow) => [row.revision]);
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
