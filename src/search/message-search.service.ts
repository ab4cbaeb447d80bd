import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { isUuid } from '../common/ids';
import { assertStorable } from '../common/json';
import { timeRange } from '../common/limits';
import { decodeCursor, type Page, rowsFor, toPage } from '../common/paging';
import { TenantDatabase } from '../database/tenant-database';
import { toMessageView } from '../messages/messages.service';
import { toContainment } from '../threads/thread-list.service';
import {
  DEFAULT_HITS,
  type FoundMessage,
  SEARCH_MODES,
  type SearchMessagesQuery,
  type SearchMode,
  type SearchSessionsQuery,
} from './search.dto';
import { searchErrors } from './search.errors';
import { type ExtractedRow, type FoundRow, type SearchFilter, SearchRepository } from './search.repository';
import { toSnippet } from './snippet';

export type { FoundRow } from './search.repository';

type Query = SearchMessagesQuery & SearchSessionsQuery;

/** Of a question put in passing, such as that of a context, so much is looked for. */
const LONGEST_RELATED = 4000;

/** Finds messages by their words, in what the caller may see. */
@Injectable()
export class MessageSearchService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: SearchRepository,
  ) {}

  /**
   * In the caller's own threads and those shared with the caller; for admins in the organization.
   * @throws SEMANTIC_SEARCH_NOT_OFFERED, INVALID_CURSOR, INVALID_RANGE, INVALID_TEXT, BAD_REQUEST for the metadata
   */
  search(principal: Principal, query: SearchMessagesQuery): Promise<Page<FoundMessage>> {
    return this.page(principal, query, ['fts', 'similar']);
  }

  /** The same in active sessions only (S47). Who asks in whole sentences gets what holds some of the words. @throws as `search` */
  searchSessions(principal: Principal, { top_k, ...query }: SearchSessionsQuery): Promise<Page<FoundMessage>> {
    return this.page(principal, { limit: top_k, ...query }, ['fts', 'similar', 'any'], { sessions: true });
  }

  /** The same in all threads, for who asks in whole sentences. @throws as `search` */
  ask(principal: Principal, query: SearchMessagesQuery): Promise<Page<FoundMessage>> {
    return this.page(principal, query, ['fts', 'similar', 'any']);
  }

  /** Messages that share words with a question, the best first; for services that choose among them. */
  related(principal: Principal, question: string, filter: SearchFilter, limit: number): Promise<FoundRow[]> {
    const search = { question: question.slice(0, LONGEST_RELATED), modes: ['any'] as const, filter, limit };
    return this.db.readOne(principal, (tx) => this.rows.find(tx, principal, search));
  }

  private async page(
    principal: Principal,
    query: Query,
    auto: readonly SearchMode[],
    scope: SearchFilter = {},
  ): Promise<Page<FoundMessage>> {
    const { q: question, mode = 'auto', limit = DEFAULT_HITS } = query;
    if (mode === 'semantic') throw searchErrors.SEMANTIC_SEARCH_NOT_OFFERED();
    assertStorable(question, 1, 'q');
    const after = decodeCursor(query.after, [isScore, isUuid, isReading]) as [number, string, SearchMode] | undefined;
    const filter = { ...scope, ...toFilter(query), after_score: after?.[0], after_id: after?.[1] };
    // A page goes on in the reading that found the one before.
    const modes = after ? [after[2]] : mode === 'auto' ? auto : [mode];
    const search = { question, modes, filter, limit: rowsFor(limit) };
    const rows = limit === 0 ? [] : await this.db.readOne(principal, (tx) => this.rows.extract(tx, principal, search));
    return toPage(rows, limit, toFoundMessage, ({ score, id, found_by }) => [score, id, found_by]);
  }
}

const isScore = (part: unknown) => typeof part === 'number' && Number.isFinite(part) && Math.abs(part) < 1e6;
const isReading = (part: unknown) =>
  SEARCH_MODES.some((mode) => mode === part && mode !== 'auto' && mode !== 'semantic');

function toFilter({ thread_id, session_id, role, sender_id, from, to, metadata }: Query): SearchFilter {
  const contained = toContainment(metadata);
  return {
    thread_id,
    session_id,
    role,
    sender_id,
    ...timeRange('from', from, to),
    metadata: contained === undefined ? undefined : JSON.parse(contained),
  };
}

function toFoundMessage(row: ExtractedRow): FoundMessage {
  const { session_id, thread_name, score } = row;
  const snippet = toSnippet(row.extract, row.body);
  return { ...toMessageView(row), session_id, thread_name, score: Math.round(score * 1e6) / 1e6, snippet };
}
