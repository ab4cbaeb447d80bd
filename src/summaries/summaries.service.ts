import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { isUuid } from '../common/ids';
import { DEFAULT_LIMIT, positionOf, rowsFor, toPage } from '../http/request/paging';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { checkTarget, notFound, type Target } from '../threads';
import { type ListSummariesQuery, type SummaryList, toSummaryView } from './summaries.dto';
import { SummariesRepository } from './summaries.repository';
import type { SummaryRow } from './summary.entity';

/** Summaries that a context may be made of. */
const MAX_AT_ONCE = 200;

/** Reads summaries. It keeps no session alive (P32). */
@Injectable()
export class SummariesService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly summaries: SummariesRepository,
  ) {}

  /** @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, INVALID_CURSOR */
  async list(principal: Principal, target: Target, query: ListSummariesQuery): Promise<SummaryList> {
    checkTarget(target);
    const { limit = DEFAULT_LIMIT, offset = 0, order = 'asc' } = query;
    const position = positionOf(query, [isSeq, isUuid]) as [number, string] | undefined;
    const after = position && { from_seq: position[0], id: position[1] };
    const slice = { after, order, limit: rowsFor(limit), offset };
    const rows = await this.db.readOne(principal, (tx) => this.summaries.list(tx, principal, target, slice));
    if (!rows) throw notFound(target);
    return toPage(rows, limit, toSummaryView, ({ from_seq, id }) => [from_seq, id]);
  }

  /** The newest 200 summaries of a thread, by their ranges, oldest first, inside a transaction of another service. */
  listIn(tx: TenantTx, principal: Principal, threadId: string): Promise<SummaryRow[]> {
    return this.summaries.listNewest(tx, principal, threadId, MAX_AT_ONCE);
  }
}

const isSeq = (part: unknown) => Number.isSafeInteger(part) && (part as number) >= 0;
