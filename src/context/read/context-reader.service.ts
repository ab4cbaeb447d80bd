import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { byThread, type SharedSession, type Target } from '../../threads';
import { type ContextWindow, type MessageRow, MessagesService, toChatMessage } from '../../messages';
import { SessionsService } from '../../sessions';
import { MAX_MESSAGES, type Plan } from '../choose/plan';
import { type Entry, tokensOf, toUnits } from '../choose/units';

/** What of a conversation a context is chosen from. */
export interface Conversation {
  target: Target;
  threadId: string;
  /** Whose it is. */
  userId: string;
  total: number;
  systemPrompt: string | null;
  hasSummaries: boolean;
  /** Tokens, what is reserved included; 0: none. */
  budget: number;
  leading: Entry[];
  entries: Entry[];
  window: number;
  most: number;
  whole: boolean;
  /** Older messages were not looked at, though there would have been room. */
  limited: boolean;
  /** Older messages of the window were not looked at, since the budget was used up. */
  full: boolean;
}

/** A second look is seldom: what is missing is a part of a tool call, or what was counted otherwise. */
const CHUNK = 200;

/** Reads conversations from their ends, no further than a plan needs: mostly in one statement. */
@Injectable()
export class ContextReader {
  constructor(
    private readonly messages: MessagesService,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * @param most messages, where neither window nor budget says
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND
   */
  async read(principal: Principal, named: Target | SharedSession, plan: Plan, most: number): Promise<Conversation> {
    const target = await this.sessions.toRead(principal, named);
    const first = await this.messages.contextWindow(principal, target, {
      limit: limitOf(plan, most),
      tokens: readsAll(plan) ? 0 : plan.budget,
      reserved: plan.reserve,
    });
    const scope = new Scope(plan, first, most);
    let entries = first.rows.map((row) => toEntry(plan, row));
    let whole = entries.length >= first.total;
    let full = first.is_full;
    while (!whole && scope.wantsMore(entries, full)) {
      const before = { beforeSeq: entries[0].row.seq };
      const older = await this.messages.newest(principal, byThread(first.thread_id), CHUNK, before);
      entries = [...older.rows.map((row) => toEntry(plan, row)), ...entries];
      whole = !older.hasMore;
      full ||= older.isFull;
    }
    return { target, ...scope.toConversation(entries, whole) };
  }
}

/** The strategy may choose from far back, or everything is to be explained: no budget bounds what is read. */
const readsAll = ({ strategy, explain, window }: Plan) =>
  strategy.reach === 'all' || !!strategy.unbudgeted || (explain && window !== undefined);

const limitOf = ({ strategy, window }: Plan, most: number) =>
  strategy.reach === 'all' ? MAX_MESSAGES : (window ?? most);

export const toEntry = ({ counter }: Plan, row: MessageRow): Entry => ({
  row,
  tokens: counter.message({ ...toChatMessage(row), token_count: row.token_count }),
});

/** How much of one conversation a plan is about. */
class Scope {
  private readonly budget: number;
  private readonly leading: Entry[];
  /** Messages that are chosen from. */
  private readonly window: number;
  private readonly most: number;

  constructor(
    private readonly plan: Plan,
    private readonly thread: ContextWindow,
    most: number,
  ) {
    const { strategy, window } = plan;
    this.budget = plan.budget ?? thread.max_tokens ?? 0;
    this.leading = thread.leading.map((row) => toEntry(plan, row));
    const hasBudget = this.budget > 0 && strategy.reach !== 'window';
    // Those at the head are in the limit that nobody asked for (P59, U78), but not in a window that somebody named.
    this.most = window ?? (hasBudget ? MAX_MESSAGES : Math.max(1, most - this.leading.length));
    const choosesFromAll = strategy.reach === 'all' && (this.budget > 0 || window !== undefined);
    this.window = choosesFromAll ? MAX_MESSAGES : this.most;
  }

  /** @param full whether as many bytes were read as a page holds */
  wantsMore(entries: Entry[], full: boolean): boolean {
    if (entries.length === 0 || entries.length >= MAX_MESSAGES * 2) return false;
    if (newestWaits(entries)) return true;
    if (full) return false;
    const { strategy, after } = this.plan;
    if (entries.length >= this.window) return false;
    if (this.isBefore(entries, after)) return false;
    const room = this.budget > 0 ? this.budget - this.plan.reserve : Infinity;
    return strategy.reach === 'all' || tokensOf(entries) <= room;
  }

  /** Stored in order, and the caller's own time is not later than that of storing. */
  private isBefore(entries: Entry[], after?: Date): boolean {
    return !!after && entries.length > 0 && Date.parse(entries[0].row.created_at) < after.getTime();
  }

  toConversation(entries: Entry[], whole: boolean): Omit<Conversation, 'target'> {
    const head = new Set(this.leading.map(({ row }) => row.seq));
    const others = entries.filter(({ row }) => !head.has(row.seq));
    const { thread, plan, budget, leading, window, most } = this;
    return {
      threadId: thread.thread_id,
      userId: thread.user_id,
      total: thread.total,
      systemPrompt: thread.system_prompt,
      hasSummaries: thread.has_summaries,
      budget,
      leading,
      entries: others,
      window,
      most,
      whole,
      limited: plan.window === undefined && (others.length > window || (!whole && others.length === window)),
      full: !whole && entries.length < window && !this.isBefore(entries, plan.after),
    };
  }
}

/** The newest message is a result whose call was not read yet. */
function newestWaits(entries: Entry[]): boolean {
  const newest = entries.at(-1);
  return newest?.row.role === 'tool' && toUnits(entries).at(-1)?.state === 'orphan';
}
