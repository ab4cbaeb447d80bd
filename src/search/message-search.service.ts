import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { Problem } from '../common/errors';
import { isUuid } from '../common/ids';
import { assertStorable } from '../common/json';
import { timeRange } from '../http/request/limits';
import { decodeCursor, type Page, rowsFor, toPage } from '../http/request/paging';
import { CONFIG, type Config } from '../config/config';
import { shareOf } from '../config/process-shares';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { type MessageRow, shownOf, toMessageView, toSessionMessage } from '../messages';
import { toContainment } from '../threads';
import {
  DEFAULT_HITS,
  type Found,
  type FoundMessage,
  type FoundSessionMessage,
  SEARCH_MODES,
  type SearchMessagesQuery,
  type SearchMode,
  type SearchSessionsQuery,
} from './search.dto';
import { SearchGate } from './search-gate';
import { searchErrors } from './search.errors';
import { type ExtractedRow, type FoundRow, type SearchFilter, SearchRepository } from './search.repository';
import { toSnippet } from './snippet';

export type { FoundRow } from './search.repository';

type Query = SearchMessagesQuery & SearchSessionsQuery;

/** How a search is made and shown. */
interface Asking<T> {
  /** What is tried, one after the other, where the caller names no mode. */
  auto: readonly SearchMode[];
  scope?: SearchFilter;
  view: (row: ExtractedRow) => T;
}

const IN_SENTENCES = ['fts', 'similar', 'any'] as const;

/** Of a question put in passing, such as that of a context, so much is looked for. */
const MAX_RELATED_LENGTH = 4000;

const MAX_AT_ONCE = 4;
const MAX_MS = 6000;
const LATE = ['SEARCH_BUSY', 'SEARCH_TIMEOUT'];

/** Finds messages by their words, in what the caller may see. */
@Injectable()
export class MessageSearchService {
  private readonly searches: SearchGate;
  /** What contexts look for does not wait for what people search. */
  private readonly inPassing: SearchGate;

  constructor(
    private readonly rows: SearchRepository,
    db: TenantDatabase,
    @Inject(CONFIG) { env }: Config,
  ) {
    const atOnce = shareOf(env, MAX_AT_ONCE);
    this.searches = new SearchGate(db, atOnce, MAX_MS);
    this.inPassing = new SearchGate(db, atOnce, MAX_MS);
  }

  /**
   * In the caller's own threads and those shared with the caller; for admins in the organization. A session's id is the
   * caller's own one, unless the query names another owner: nobody else can plant messages under it.
   * @throws SEMANTIC_SEARCH_NOT_OFFERED, INVALID_CURSOR, INVALID_RANGE, INVALID_TEXT, BAD_REQUEST for the metadata,
   * SEARCH_BUSY, SEARCH_TIMEOUT
   */
  search(principal: Principal, query: SearchMessagesQuery): Promise<Page<FoundMessage>> {
    return this.page(principal, query, { auto: ['fts', 'similar'], view: toFoundMessage });
  }

  /**
   * The same in active sessions only, the caller's own (S47); for admins the organization's. Who asks in whole sentences gets
   * what holds some of the words. @throws as `search`
   */
  searchSessions(principal: Principal, { top_k, ...query }: SearchSessionsQuery): Promise<Page<FoundSessionMessage>> {
    const own = !principal.seesOrganization && query.owner_id === undefined;
    const scope = { sessions: true, own };
    return this.page(principal, { limit: top_k, ...query }, { auto: IN_SENTENCES, scope, view: toFoundSessionMessage });
  }

  /**
   * The same in the caller's own threads only, also for admins, for who asks in whole sentences: a model reads the answer, and
   * nobody else may put words before it. @throws as `search`
   */
  ask(principal: Principal, query: SearchMessagesQuery): Promise<Page<FoundMessage>> {
    return this.page(principal, query, { auto: IN_SENTENCES, scope: { own: true }, view: toFoundMessage });
  }

  /**
   * Messages that share words with a question, the best first; for services that choose among them. None where none can be
   * found in time: what somebody else asks for does not fail for that (U75).
   */
  async related(principal: Principal, question: string, filter: SearchFilter, limit: number): Promise<FoundRow[]> {
    const search = { question: question.slice(0, MAX_RELATED_LENGTH), modes: ['any'] as const, filter, limit };
    try {
      return await this.inPassing.read(principal, (tx) => this.rows.find(tx, principal, search));
    } catch (error) {
      if (error instanceof Problem && LATE.includes(error.code)) return [];
      throw error;
    }
  }

  private async page<T>(principal: Principal, query: Query, { auto, scope = {}, view }: Asking<T>): Promise<Page<T>> {
    const { q: question, mode = 'auto', limit = DEFAULT_HITS } = query;
    if (mode === 'semantic') throw searchErrors.SEMANTIC_SEARCH_NOT_OFFERED();
    assertStorable(question, 1, 'q');
    const after = decodeCursor(query.after, [isScore, isUuid, isReading]) as [number, string, SearchMode] | undefined;
    const filter = { ...scope, ...toFilter(principal, query), after_score: after?.[0], after_id: after?.[1] };
    // A page goes on in the reading that found the one before.
    const modes = after ? [after[2]] : mode === 'auto' ? auto : [mode];
    const search = { question, modes, filter, limit: rowsFor(limit) };
    const read = (tx: TenantTx) => this.rows.extract(tx, principal, search);
    const rows = limit === 0 ? [] : await this.searches.read(principal, read);
    return toPage(rows, shownOf(rows, limit), view, ({ score, id, found_by }) => [score, id, found_by]);
  }
}

const isScore = (part: unknown) => typeof part === 'number' && Number.isFinite(part) && Math.abs(part) < 1e6;
const isReading = (part: unknown) =>
  SEARCH_MODES.some((mode) => mode === part && mode !== 'auto' && mode !== 'semantic');

function toFilter({ userId }: Principal, query: Query): SearchFilter {
  const { thread_id, session_id, role, sender_id, from, to, metadata } = query;
  const contained = toContainment(metadata);
  return {
    thread_id,
    session_id,
    owner_id: query.owner_id ?? (session_id === undefined ? undefined : userId),
    role,
    sender_id,
    ...timeRange('from', from, to),
    metadata: contained === undefined ? undefined : JSON.parse(contained),
  };
}

/** A message in the form of its route, with how it was found. */
const found =
  <T>(view: (row: MessageRow) => T) =>
  (row: ExtractedRow): T & Found => {
    const { user_id, session_id, thread_name, score } = row;
    const snippet = toSnippet(row.extract, row.body);
    return { ...view(row), user_id, session_id, thread_name, score: Math.round(score * 1e6) / 1e6, snippet };
  };

const toFoundMessage = found(toMessageView);
const toFoundSessionMessage = found(toSessionMessage);
