import { type ChatMessage, toChatMessage } from '../../messages';
import type { SummaryRow } from '../../summaries';
import type { ContextDecision, ContextWarning, SectionName, Shares } from '../context.dto';
import { contextErrors } from '../context.errors';
import { factsText } from './facts';
import type { Plan } from './plan';
import { mostRelevant, questionOf, quotable } from './relevance';
import type { Choice, OutReason, Task } from './choice';
import { tailOf } from './tail';
import { type Entry, sendable, tokensOf, toUnits, type Unit } from './units';

/** What a context is made of, all of it read. */
export interface Material {
  systemPrompt: string | null;
  /** System messages at the head; not among the entries. */
  leading: Entry[];
  /** The newest messages, oldest first. */
  entries: Entry[];
  /** What was found before them, oldest first. */
  older?: Unit[];
  /** What was found in other sessions, oldest first. */
  elsewhere?: Unit[];
  /** How many of the newest are chosen from. */
  window: number;
  /** How many of those may be chosen. */
  most: number;
  /** The entries begin where the conversation begins. */
  whole: boolean;
  /** Tokens; Infinity: none. */
  budget: number;
  facts: Record<string, unknown>;
  /** Oldest first. */
  summaries: Pick<SummaryRow, 'from_seq' | 'to_seq' | 'content'>[];
}

interface Piece {
  message: ChatMessage;
  tokens: number;
}

export interface Assembled {
  sections: { name: SectionName; pieces: Piece[] }[];
  warnings: ContextWarning[];
  truncated: boolean;
  decisions: ContextDecision[];
}

type Summarize = (messages: ChatMessage[]) => Promise<string>;
type What = Pick<Plan, 'strategy' | 'counter' | 'shares' | 'question' | 'topK' | 'after' | 'minRecent' | 'step'>;

/**
 * Makes a context of what was read. System messages at the head, the question and the newest message with its unit are
 * always in it; everything else has to fit into what they leave of the budget.
 * @throws TOKEN_BUDGET_EXCEEDED
 */
export async function assemble(material: Material, plan: What, summarize: Summarize): Promise<Assembled> {
  return new Assembly(material, plan, summarize).run();
}

class Assembly {
  private readonly warnings = new Set<ContextWarning>();
  private readonly units: Unit[];
  private readonly sendable: Unit[];
  private readonly windowUnits: Unit[];
  private readonly older: Unit[];
  private readonly elsewhere: Unit[];
  private readonly question?: Piece;
  private room: number;

  constructor(
    private readonly material: Material,
    private readonly plan: What,
    private readonly summarize: Summarize,
  ) {
    const { entries, window, older = [], elsewhere = [] } = material;
    this.older = older;
    this.elsewhere = elsewhere;
    this.units = toUnits(entries);
    this.sendable = sendable(this.units, plan.question === undefined);
    const inWindow = new Set(entries.slice(-window));
    this.windowUnits = this.sendable.filter(
      (unit, index) => index === this.sendable.length - 1 || unit.entries.every((entry) => inWindow.has(entry)),
    );
    this.question = plan.question === undefined ? undefined : this.piece('user', plan.question);
    this.room = material.budget - plan.counter.base - (this.question?.tokens ?? 0);
  }

  async run(): Promise<Assembled> {
    const system = [
      ...(this.material.systemPrompt ? [this.piece('system', this.material.systemPrompt)] : []),
      ...this.material.leading.map(toPiece),
    ];
    this.room -= tokensOf(system);
    const facts = this.facts();
    const summaries = this.summaries();
    const { topK, shares } = this.plan;
    const forRetrieved = topK > 0 && this.room < Infinity ? this.roomFor('retrieved') : 0;
    const choice = this.choose(Math.min(this.room - forRetrieved, shareOf(this.material.budget, shares.recent)));
    const summary = this.spend(await this.summaryOf(choice));
    const recent = this.spend(flat(choice.kept).map(toPiece));
    const found = topK > 0 ? this.retrieve(choice) : [];
    if (this.room < 0) this.warnings.add('budget_exceeded');
    const sections = this.inOrder(
      { name: 'system', pieces: system },
      { name: 'facts', pieces: facts },
      { name: 'summaries', pieces: [...summaries, ...summary] },
      { name: 'retrieved', pieces: this.spend(this.retrieved(found).map(toPiece)) },
      { name: 'recent', pieces: recent },
      { name: 'question', pieces: this.question ? [this.question] : [] },
    );
    const decisions = this.decide(choice, found);
    return { sections, warnings: [...this.warnings], truncated: this.isTruncated(decisions), decisions };
  }

  /** What an optional section may take: its share, but never the place of the newest unit. */
  private roomFor(name: keyof Shares): number {
    const newest = this.sendable.at(-1)?.tokens ?? 0;
    return Math.max(0, Math.min(shareOf(this.material.budget, this.plan.shares[name]), this.room - newest));
  }

  private facts(): Piece[] {
    const { text, left } = factsText(this.material.facts, this.roomFor('facts'), (line) =>
      this.plan.counter.text(line),
    );
    if (left > 0) this.warnings.add('facts_left_out');
    return text === undefined ? [] : this.spend([this.piece('system', text)]);
  }

  /** The newest that fit, in their order (P56). Turns are counted from 0. */
  private summaries(): Piece[] {
    const pieces = this.material.summaries.map(({ from_seq, to_seq, content }) =>
      this.piece('system', `[Conversation summary (turns ${from_seq - 1}-${to_seq})]: ${content}`),
    );
    const room = this.roomFor('summaries');
    let first = pieces.length;
    let left = room;
    while (first > 0 && pieces[first - 1].tokens <= left) left -= pieces[(first -= 1)].tokens;
    if (first > 0) this.warnings.add('summaries_left_out');
    return this.spend(pieces.slice(first));
  }

  private spend(pieces: Piece[]): Piece[] {
    this.room -= tokensOf(pieces);
    return pieces;
  }

  private choose(room: number): Choice {
    const { strategy, ...plan } = this.plan;
    if (this.windowUnits.length === 0) return { kept: [], why: new Map() };
    const whole = this.material.whole && this.windowUnits[0] === this.sendable[0];
    const { most } = this.material;
    const units = strategy.retrieves ? [...this.older, ...this.windowUnits] : this.windowUnits;
    const task: Task = { ...plan, units, room, most, whole, query: this.query() };
    const choice = strategy.choose(task);
    if (choice.over === 'refused') throw contextErrors.TOKEN_BUDGET_EXCEEDED(tokensOf(task.units), Math.max(0, room));
    return choice;
  }

  private query(): string {
    return questionOf(this.plan, this.material.entries);
  }

  /** One summary of what the strategy wants summed up. Without one that fits, the oldest are left out (U99). */
  private async summaryOf(choice: Choice): Promise<Piece[]> {
    const covered = Math.max(0, ...this.material.summaries.map(({ to_seq }) => to_seq));
    const entries = flat(choice.summarize ?? []).filter(({ row }) => row.seq > covered);
    if (entries.length === 0) return [];
    const text = await this.summarize(entries.map(({ row }) => toChatMessage(row))).catch(() => '');
    const piece = this.piece('system', `[Summary of ${entries.length} earlier messages]: ${text}`);
    if (text && piece.tokens + tokensOf(choice.kept) <= this.room) return [piece];
    this.warnings.add('summary_failed');
    const { most, whole } = this.material;
    Object.assign(choice, tailOf({ units: this.windowUnits, room: this.room, most, whole, step: this.plan.step }));
    return [];
  }

  private retrieve({ kept }: Choice): Unit[] {
    const query = this.query();
    const others = quotable(query, kept, [...this.older, ...this.sendable], this.elsewhere);
    let room = Math.min(this.room, shareOf(this.material.budget, this.plan.shares.retrieved));
    const found = query ? mostRelevant(query, others).slice(0, this.plan.topK) : [];
    const fitting = found.filter((position) => {
      const fits = others[position].tokens <= room;
      if (fits) room -= others[position].tokens;
      return fits;
    });
    if (fitting.length < found.length) this.warnings.add('retrieved_left_out');
    return fitting.map((position) => others[position]);
  }

  /** Other sessions' first: they are quoted, what follows is the conversation. */
  private retrieved(found: Unit[]): Entry[] {
    const others = this.elsewhere.filter((unit) => found.includes(unit));
    return [...others.flatMap(({ entries }) => entries), ...flat(found.filter((unit) => !others.includes(unit)))];
  }

  /** What is found changes with each question: in a context that is to begin as the last one, it goes to the end. */
  private inOrder(...sections: Assembled['sections']): Assembled['sections'] {
    if (this.plan.step !== undefined && this.question) sections.splice(3, 2, sections[4], sections[3]);
    return sections.filter(({ pieces }) => pieces.length > 0);
  }

  private decide({ kept, why }: Choice, found: Unit[]): ContextDecision[] {
    const newest = this.sendable.at(-1);
    const reasonOf = (unit: Unit): [boolean, ContextDecision['reason']] => {
      if (kept.includes(unit)) return [true, unit === newest ? 'newest' : 'chosen'];
      if (found.includes(unit)) return [true, 'retrieved'];
      if (this.older.includes(unit)) return [false, why.get(unit) ?? 'outside_window'];
      if (unit.state === 'orphan') return [false, 'result_without_call'];
      if (!this.sendable.includes(unit)) return [false, 'call_without_result'];
      return [false, why.get(unit) ?? 'outside_window'];
    };
    const decisions = [...this.older, ...this.units].flatMap((unit) => {
      const [included, reason] = reasonOf(unit);
      return unit.entries.map((entry) => toDecision(entry, included, reason));
    });
    const ofWindow = new Set(this.material.entries.slice(-this.material.window).map(({ row }) => row.id));
    const considered = decisions.filter(({ id, included }) => included || ofWindow.has(id));
    if (considered.some(({ reason }) => /call/.test(reason))) this.warnings.add('incomplete_tool_calls');
    const head = this.material.leading.map((entry) => toDecision(entry, true, 'system'));
    const quoted = this.elsewhere.filter((unit) => found.includes(unit)).flatMap(({ entries }) => entries);
    const others = quoted.map((entry) => ({ ...toDecision(entry, true, 'retrieved'), thread_id: entry.row.thread_id }));
    return [...head, ...others, ...considered.sort((a, b) => a.seq - b.seq)];
  }

  private isTruncated(decisions: ContextDecision[]): boolean {
    const byLimit: OutReason[] = ['over_budget', 'outside_window', 'summarized', 'cut_in_steps'];
    return decisions.some(({ included, reason }) => !included && byLimit.some((limit) => limit === reason));
  }

  private piece(role: 'system' | 'user', content: string): Piece {
    return { message: { role, content, metadata: {} }, tokens: this.plan.counter.text(content) };
  }
}

const shareOf = (budget: number, share: number) => (share === 0 ? 0 : budget * share);

const toPiece = ({ row, tokens }: Entry): Piece => ({ message: toChatMessage(row), tokens });

/** The messages of units in the order in which they were stored. */
const flat = (units: Unit[]) => units.flatMap(({ entries }) => entries).sort((a, b) => a.row.seq - b.row.seq);

const toDecision = (entry: Entry, included: boolean, reason: ContextDecision['reason']): ContextDecision => ({
  id: entry.row.id,
  seq: entry.row.seq,
  role: entry.row.role,
  token_count: entry.tokens,
  included,
  reason,
});
