import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { byThread, type Target } from '../../threads';
import { MessagesService } from '../../messages';
import { type FoundRow, MessageSearchService } from '../../search';
import { type Conversation, toEntry } from './context-reader.service';
import type { Plan } from '../choose/plan';
import { contentKey, questionOf } from '../choose/relevance';
import { toUnits, type Unit } from '../choose/units';

/** What was found outside of what was read. */
interface Found {
  /** Of the conversation, before what was read; oldest first. */
  older: Unit[];
  /** Of other active sessions of the caller. */
  elsewhere: Unit[];
}

/** Candidates of each kind: which of them are taken is decided by rank, among those that were read. */
const MAX_CANDIDATES = 50;
/** Copies in forks are as good matches as what they were copied from: behind a page full of them there may be others. */
const MAX_COPIES = 200;
/** A call and its results are no further apart; and so many of them are put together. */
const REACH = 25;
const MAX_CALLS = 10;

/** Finds what a question is about beyond the messages that were read. */
@Injectable()
export class ContextRetrieval {
  constructor(
    private readonly finder: MessageSearchService,
    private readonly messages: MessagesService,
  ) {}

  /**
   * Messages that share words with the question, or with the newest message of the user. In other sessions only where the
   * plan has a `topK`, and only for the owner of a session: of nobody else (S47).
   */
  async find(principal: Principal, target: Target, plan: Plan, conversation: Conversation): Promise<Found> {
    const question = questionOf(plan, conversation.entries);
    const isOwn = target.by === 'session' && conversation.userId === principal.userId;
    const [older, elsewhere] = await Promise.all([
      question && !conversation.whole && (plan.topK > 0 || plan.strategy.retrieves)
        ? this.olderThan(principal, plan, conversation, question)
        : [],
      question && plan.topK > 0 && isOwn ? this.elsewhere(principal, plan, conversation, question) : [],
    ]);
    return { older, elsewhere };
  }

  private async olderThan(
    principal: Principal,
    plan: Plan,
    conversation: Conversation,
    question: string,
  ): Promise<Unit[]> {
    const { threadId, leading, entries } = conversation;
    const first = entries[0]?.row.seq ?? Number.MAX_SAFE_INTEGER;
    const filter = { thread_id: threadId, except_thread_id: threadId, except_from_seq: first };
    const rows = await this.finder.related(principal, question, filter, MAX_CANDIDATES);
    const head = new Set(leading.map(({ row }) => row.id));
    const hits = rows.filter(({ id }) => !head.has(id));
    const units = hits.filter((row) => !isPart(row)).map((row) => single(plan, row));
    const parts = hits.filter(isPart).slice(0, MAX_CALLS);
    for (const row of parts) {
      if (units.some(({ entries: known }) => known.some((entry) => entry.row.id === row.id))) continue;
      units.push(...(await this.callAround(principal, plan, row, first)));
    }
    return units.sort((a, b) => a.entries[0].row.seq - b.entries[0].row.seq);
  }

  /** The call with all of its results, if it is whole and none of it was read. */
  private async callAround(
    principal: Principal,
    plan: Plan,
    { id, seq, thread_id }: FoundRow,
    first: number,
  ): Promise<Unit[]> {
    const bounds = { afterSeq: seq - REACH, beforeSeq: Math.min(seq + REACH, first) };
    const { rows } = await this.messages.newest(principal, byThread(thread_id), 2 * REACH, bounds);
    const units = toUnits(rows.map((row) => toEntry(plan, row)));
    return units.filter(({ state, entries }) => state === 'whole' && entries.some(({ row }) => row.id === id));
  }

  private async elsewhere(
    principal: Principal,
    plan: Plan,
    { threadId }: Conversation,
    question: string,
  ): Promise<Unit[]> {
    const filter = { sessions: true, own: true, plain: true, except_thread_id: threadId, except_from_seq: 0 };
    // An admin's own sessions are meant too, not everybody's.
    const owner = { ...principal, seesOrganization: false };
    const first = await this.finder.related(owner, question, filter, MAX_CANDIDATES);
    const rows = distinct(first);
    const last = first.at(-1);
    if (last && first.length === MAX_CANDIDATES && rows.length < first.length) {
      const beyond = { ...filter, after_score: last.score, after_id: last.id };
      rows.push(...distinct(await this.finder.related(owner, question, beyond, MAX_COPIES)));
    }
    return rows.map((row) => single(plan, row)).sort((a, b) => timeOf(a) - timeOf(b));
  }
}

/** The first of those that say the same. */
const distinct = (rows: FoundRow[]): FoundRow[] =>
  [...new Map(rows.toReversed().map((row) => [contentKey([{ row }]), row])).values()].reverse();

const isPart = ({ role, tool_calls }: FoundRow) => role === 'tool' || (tool_calls ?? []).length > 0;
const timeOf = ({ entries: [{ row }] }: Unit) => Date.parse(row.created_at);

const single = (plan: Plan, row: FoundRow): Unit => {
  const entry = toEntry(plan, row);
  return { entries: [entry], tokens: entry.tokens, state: 'whole', last: 0 };
};
