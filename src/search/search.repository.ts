import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { type PrincipalNames, visible } from '../threads';
import { MESSAGE_COLUMNS, type MessageRow, shownOf, withheld, withinBytes } from '../messages';
import type { SearchMode } from './search.dto';
import { HIT_BEGINS, HIT_ENDS } from './snippet';

/** Which messages are looked at; what is absent does not restrict. */
export interface SearchFilter {
  thread_id?: string;
  session_id?: string;
  /** Only messages of active sessions. */
  sessions?: boolean;
  /** Only in threads of the caller, also for an admin: neither shared ones nor the organization's. */
  own?: boolean;
  /** Only in threads of this user that the caller may see. */
  owner_id?: string;
  /** Only what people and assistants said, without calls of tools. */
  plain?: boolean;
  role?: string;
  sender_id?: string;
  from?: Date;
  to?: Date;
  metadata?: unknown;
  /** Of this thread, only messages before a number. */
  except_thread_id?: string;
  except_from_seq?: number;
  /** The position after which a page goes on. */
  after_score?: number;
  after_id?: string;
}

interface Search {
  question: string;
  /** Readings of the question, until one of them finds something. */
  modes: readonly SearchMode[];
  filter: SearchFilter;
  limit: number;
}

export type FoundRow = MessageRow & {
  score: number;
  /** The reading that found it. */
  found_by: SearchMode;
  thread_name: string;
  session_id: string | null;
  user_id: string;
};

/** A marked extract: what `snippet.ts` takes. */
export type ExtractedRow = FoundRow & { extract: string; body: string };

const OPTIONS = `StartSel=${HIT_BEGINS},StopSel=${HIT_ENDS},MaxWords=30,MinWords=12,ShortWord=2`;

/** Places of marks are told from the text by characters that the text then may not have. */
const BODY = `translate(throughline_message_text(m.content, m.tool_calls, m.name), '${HIT_BEGINS}${HIT_ENDS}', '')`;

type Names = PrincipalNames | 'question' | 'modes' | 'filter' | 'limit';

/* The function finds them by index; the joins show those only that the tenant and the caller may read. */
const FOUND = `
  SELECT m.*, f.score::float8 AS score, f.found_by, f.config, f.words
  FROM throughline_search_messages(:orgId, :userId, :seesOrganization, :question, :modes, :filter, :limit) f
  JOIN messages m ON m.org_id = :orgId AND m.thread_id = f.thread_id AND m.seq = f.seq`;

const found = <Row extends object>(name: string, more = '', join = '') => sql<Names, Row>(name, { isoTimes: true })`
  SELECT ${withheld(MESSAGE_COLUMNS)}, m.large, m.score, m.found_by, t.name AS thread_name, t.session_id, t.user_id ${more}
  FROM (${withinBytes(FOUND, 'n.score DESC, n.id DESC')}) m
  JOIN threads t ON t.id = m.thread_id AND ${visible('t')} ${join}
  ORDER BY m.score DESC, m.id DESC`;

const FIND = found<FoundRow>('search_messages');
const EXTRACT = found<ExtractedRow>(
  'search_messages_extracted',
  `, body.text AS body, throughline_search_extract(m.config, body.text, m.words, '${OPTIONS}') AS extract`,
  `CROSS JOIN LATERAL (SELECT ${BODY} AS text OFFSET 0) body`,
);

@Injectable()
export class SearchRepository {
  /** The best matches first, as many as a page may hold. */
  async find(tx: TenantTx, principal: Principal, search: Search): Promise<FoundRow[]> {
    const rows = await tx.query(FIND, valuesOf(principal, search));
    return rows.slice(0, shownOf(rows, rows.length));
  }

  /** The same, with an extract of each, and behind a page that holds no more one that tells of it. */
  extract(tx: TenantTx, principal: Principal, search: Search): Promise<ExtractedRow[]> {
    return tx.query(EXTRACT, valuesOf(principal, search));
  }
}

const valuesOf = (principal: Principal, { question, modes, filter, limit }: Search) => ({
  ...principal,
  question,
  modes,
  filter: JSON.stringify(filter),
  limit,
});
