import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { newId } from '../common/ids';
import { CONFIG, type Config } from '../config/config';
import type { TenantTx } from '../database/door/tenant-database';
import { MessageReplacementService } from '../messages';
import { type Thread, ThreadsService } from '../threads';
import { estimateTokens } from '../tokens';
import { type SummarizeResult, type SummaryMode, toSummaryView } from './summaries.dto';
import { type NewSummary, SummariesRepository } from './summaries.repository';
import type { SummaryRow } from './summary.entity';
import type { SummaryRun } from './summary-runs';

type Written = Omit<NewSummary, 'id' | 'token_count'> & { token_count?: number };

/** A text, and who made it. */
export interface Summarized {
  content: string;
  created_by: string;
}

/** Writes summaries of threads that `tx` holds. */
@Injectable()
export class SummaryWriter {
  constructor(
    private readonly summaries: SummariesRepository,
    private readonly threads: ThreadsService,
    private readonly messages: MessageReplacementService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  readonly find: ThreadsService['getIn'] = (tx, principal, target) => this.threads.getIn(tx, principal, target);

  readonly lock: ThreadsService['lock'] = (tx, principal, target) => this.threads.lock(tx, principal, target);

  /** A row; the thread's version stays, so that nobody's write is refused for what nobody has asked for. */
  add(tx: TenantTx, thread: Thread, summary: Written): Promise<SummaryRow> {
    const token_count = summary.token_count ?? this.tokensOf(summary.content);
    return this.summaries.insert(tx, thread, { ...summary, id: newId(), token_count });
  }

  /** The same because a caller asks for it: a write of the thread, with a version of its own. */
  async addByCaller(tx: TenantTx, thread: Thread, summary: Written): Promise<SummaryRow> {
    await this.threads.count(tx, thread, { messages: 0, tokens: 0 });
    return this.add(tx, thread, summary);
  }

  /** What a caller's request to summarise comes to, in either of its two ways. */
  async write(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    run: SummaryRun,
    text: Summarized,
  ): Promise<SummarizeResult> {
    return run.mode === 'keep' ? this.keep(tx, thread, run, text) : this.replace(tx, principal, thread, run, text);
  }

  private async keep(tx: TenantTx, thread: Thread, run: SummaryRun, text: Summarized): Promise<SummarizeResult> {
    const row = await this.addByCaller(tx, thread, { ...text, from_seq: run.from, to_seq: run.to });
    const version = thread.version + 1;
    return { ...nothingSummarized(thread, 'keep'), summary: toSummaryView(row), version };
  }

  /** Summaries of the same messages go: what they say is in the message. */
  private async replace(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    run: SummaryRun,
    text: Summarized,
  ): Promise<SummarizeResult> {
    const { from, to, count, rows } = run;
    const content = `[Summary of ${count} earlier messages]: ${text.content}`;
    const metadata = { summary: { from_seq: from, to_seq: to, messages: count, created_by: text.created_by } };
    const range = { from: rows[0].seq, to };
    const message = { role: 'system', content, metadata } as const;
    const done = await this.messages.replaceBySummary(tx, principal, thread, range, message);
    await this.summaries.deleteWithin(tx, thread, from, to);
    const { id, token_count, message_count: total, version } = done;
    const summary = { id, thread_id: thread.id, from_seq: from, to_seq: to, token_count };
    return {
      ...nothingSummarized(thread, 'replace'),
      summary: toSummaryView({ ...summary, ...text, created_at: new Date().toISOString() }),
      removed: rows.length,
      total,
      version,
    };
  }

  private tokensOf(text: string): number {
    return estimateTokens(text, this.config.env.TOKEN_ESTIMATOR);
  }
}

/** The answer where there is nothing to summarise (C24). */
export const nothingSummarized = (thread: Thread, mode: SummaryMode): SummarizeResult => ({
  thread_id: thread.id,
  summary: null,
  mode,
  removed: 0,
  total: thread.message_count,
  version: thread.version,
});
