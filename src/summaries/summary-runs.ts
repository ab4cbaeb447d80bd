import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { isObject } from '../http/request/fields';
import { toStorable } from '../common/json';
import { CONFIG, type Config } from '../config/config';
import type { TenantTx } from '../database/door/tenant-database';
import {
  cutKeeping,
  type MessageRow,
  MessagesService,
  type OutlineRow,
  type ThreadKey,
  toChatMessage,
} from '../messages';
import type { Thread } from '../threads';
import type { SummaryMode } from './summaries.dto';
import { summaryErrors } from './summaries.errors';
import { SummariesRepository } from './summaries.repository';
import { Summarizer } from './summarizer/summarizer.service';

/** Messages that are to be summarised, as they were when they were read. */
export interface SummaryRun {
  mode: SummaryMode;
  rows: MessageRow[];
  /** Numbers of the first and the last message that the summary will stand for. */
  from: number;
  to: number;
  /** How many that are: one of them may itself stand for others. */
  count: number;
  /** What other summaries stood for then. */
  covered: number;
}

type Batched = ThreadKey & Pick<Thread, 'message_count' | 'auto_summarize'>;

/** Messages of one summary, and their tokens: who has more asks again. */
const MAX_IN_BATCH = 1000;
const MAX_TOKENS = 200_000;

/** Chooses what is to be summarised, and has it summarised. */
@Injectable()
export class SummaryRuns {
  constructor(
    private readonly messages: MessagesService,
    private readonly summaries: SummariesRepository,
    private readonly summarizer: Summarizer,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  get summarizerName(): string {
    return this.summarizer.name;
  }

  /**
   * All but the newest messages. With `keep`, those after what has a summary; with `replace`, all but the instructions at
   * the head. @returns `undefined` if there is nothing to summarise
   */
  async older(
    tx: TenantTx,
    principal: Principal,
    thread: ThreadKey,
    mode: SummaryMode,
    keepLast = this.config.env.SUMMARIZE_KEEP_LAST,
  ): Promise<SummaryRun | undefined> {
    const covered = await this.summaries.covered(tx, thread);
    const outline = await this.messages.outline(tx, thread, mode === 'keep' ? covered : 0);
    const first = mode === 'keep' ? 0 : headOf(outline);
    const chosen = outline.slice(first, Math.max(0, endOf(outline, first, keepLast)));
    // A summary of nothing but a summary would only lose something.
    if (chosen.length === 0 || (chosen.length === 1 && standInOf(chosen[0].role, chosen[0].summary))) return undefined;
    return this.read(tx, principal, thread, chosen, { mode, covered });
  }

  /** What is due by the thread's own option (P57). @returns `undefined` if nothing is */
  async batch(tx: TenantTx, principal: Principal, thread: Batched): Promise<SummaryRun | undefined> {
    const { auto_summarize: auto, message_count } = thread;
    if (auto === null || (auto !== true && message_count <= auto.threshold)) return undefined;
    const covered = await this.summaries.covered(tx, thread);
    if (auto === true) return this.byTokens(tx, principal, thread, covered);
    const rows = await this.messages.rows(tx, principal, thread.id, { from: covered + 1 }, auto.batch_size);
    return rows.length < auto.batch_size ? undefined : toRun(rows, { mode: 'keep', covered });
  }

  /** Whether the messages of a run are those of the thread still, and nobody summarised them meanwhile. */
  async isUnchanged(tx: TenantTx, thread: ThreadKey, { mode, rows, covered }: SummaryRun): Promise<boolean> {
    const limit = mode === 'keep' ? rows.length : undefined;
    const now = await this.messages.outline(tx, thread, rows[0].seq - 1, limit);
    const same = rows.every((row, i) => row.id === now.at(i)?.id && row.updated_at === now[i].updated_at);
    if (!same) return false;
    if (mode === 'keep') return (await this.summaries.covered(tx, thread)) === covered;
    // The result of a call may have come meanwhile, behind the cut.
    return cutKeeping(now, now.length - rows.length) === rows.length;
  }

  /** @throws SUMMARY_EMPTY, and what the summariser throws */
  async textOf({ rows }: SummaryRun, signal?: AbortSignal): Promise<string> {
    const text = toStorable(await this.summarizer.summarize(rows.map(toChatMessage), signal)).trim();
    if (text === '') throw summaryErrors.SUMMARY_EMPTY();
    return text;
  }

  private async byTokens(tx: TenantTx, principal: Principal, thread: ThreadKey, covered: number) {
    const { SUMMARIZE_TOKEN_THRESHOLD: threshold, SUMMARIZE_KEEP_LAST: keepLast } = this.config.env;
    const outline = await this.messages.outline(tx, thread, covered);
    const tokens = outline.reduce((sum, row) => sum + row.token_count, 0);
    const cut = Math.min(MAX_IN_BATCH, cutKeeping(outline, keepLast));
    if (threshold === 0 || tokens <= threshold || cut <= 0) return undefined;
    return this.read(tx, principal, thread, outline.slice(0, cut), { mode: 'keep', covered });
  }

  private async read(
    tx: TenantTx,
    principal: Principal,
    thread: ThreadKey,
    chosen: OutlineRow[],
    about: Pick<SummaryRun, 'mode' | 'covered'>,
  ): Promise<SummaryRun> {
    const range = { from: chosen[0].seq, to: chosen[chosen.length - 1].seq };
    return toRun(await this.messages.rows(tx, principal, thread.id, range), about);
  }
}

function toRun(rows: MessageRow[], about: Pick<SummaryRun, 'mode' | 'covered'>): SummaryRun {
  const standIns = rows.map(
    ({ seq, role, metadata }) => standInOf(role, metadata.summary) ?? { from_seq: seq, messages: 1 },
  );
  return {
    ...about,
    rows,
    from: Math.min(standIns[0].from_seq, rows[0].seq),
    to: rows[rows.length - 1].seq,
    count: standIns.reduce((sum, { messages }) => sum + messages, 0),
  };
}

/** Where what one summary stands for ends: before the newest messages, and before it is too much; never inside of a unit. */
function endOf(outline: OutlineRow[], first: number, keepLast: number): number {
  let tokens = 0;
  let most = first;
  while (most < outline.length && most - first < MAX_IN_BATCH && tokens < MAX_TOKENS)
    tokens += outline[most++].token_count;
  return Math.min(cutKeeping(outline, keepLast), cutKeeping(outline, outline.length - most));
}

/** Instructions at the head of a thread are no part of what was said: they stay. */
function headOf(outline: OutlineRow[]): number {
  const first = outline.findIndex(
    ({ role, summary }) => (role !== 'system' && role !== 'developer') || standInOf(role, summary) !== undefined,
  );
  return first === -1 ? outline.length : first;
}

/** What a message that took the place of others says of them in its metadata. */
interface StandIn {
  from_seq: number;
  messages: number;
}

function standInOf(role: string, summary: unknown): StandIn | undefined {
  if (role !== 'system' || !isObject(summary)) return undefined;
  const { from_seq, messages } = summary;
  return isNumber(from_seq) && isNumber(messages) ? { from_seq, messages } : undefined;
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;
