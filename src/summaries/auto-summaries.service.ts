import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../organizations';
import { TenantDatabase } from '../database/door/tenant-database';
import { byThread } from '../threads';
import { type AppendEvent, AppendService } from '../messages';
import { SummaryRuns } from './summary-runs';
import { SummaryWriter } from './summary-writer';

/** Threads that this instance summarises at the same time, and those that wait for their turn. */
const MAX_AT_ONCE = 4;
const MAX_WAITING = 10_000;

interface Job {
  principal: Principal;
  threadId: string;
  /** One batch for each append. */
  batches: number;
}

/**
 * Summarises by itself, after appends, in the background (P57). What is due is read from the database each time, so that
 * what was missed, because the model failed or the server ended, is made up for after the next append.
 */
@Injectable()
export class AutoSummariesService implements OnModuleDestroy {
  private readonly logger = new Logger('Summaries');
  private readonly waiting = new Map<string, Job>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly end = new AbortController();

  constructor(
    appends: AppendService,
    private readonly db: TenantDatabase,
    private readonly runs: SummaryRuns,
    private readonly writer: SummaryWriter,
  ) {
    appends.listen((event) => this.onAppend(event));
  }

  /** What is under way is given up; the next append makes up for it. */
  async onModuleDestroy(): Promise<void> {
    this.waiting.clear();
    this.end.abort(new Error('The server is stopping'));
    await Promise.allSettled(this.running.values());
  }

  private onAppend({ principal, thread_id: threadId, message_count, auto_summarize: auto }: AppendEvent): void {
    const mayBeDue = auto === true || (auto !== null && message_count > auto.threshold);
    if (!mayBeDue || this.end.signal.aborted) return;
    this.enqueue({ principal, threadId, batches: 1 });
    this.startNext();
  }

  private enqueue(job: Job): void {
    const key = `${job.principal.orgId} ${job.threadId}`;
    const waiting = this.waiting.get(key);
    if (waiting) waiting.batches += job.batches;
    else if (this.waiting.size < MAX_WAITING) this.waiting.set(key, job);
  }

  /** One job of a thread at a time: two would only be in each other's way. */
  private startNext(): void {
    if (this.running.size >= MAX_AT_ONCE) return;
    for (const [key, job] of this.waiting) {
      if (this.running.has(key)) continue;
      this.waiting.delete(key);
      const done = this.work(job).then((more) => {
        this.running.delete(key);
        // Behind those that wait: a thread with much to do holds up nobody.
        if (more && job.batches > 1) this.enqueue({ ...job, batches: job.batches - 1 });
        this.startNext();
      });
      this.running.set(key, done);
      return;
    }
  }

  /**
   * One batch. A failure ends the job: it would most likely come again at once. It harms nobody, and never throws.
   * @returns whether there may be more to do
   */
  private async work({ principal, threadId }: Job): Promise<boolean> {
    try {
      return (await this.summarizeOne(principal, threadId)) && !this.end.signal.aborted;
    } catch (error) {
      if (this.end.signal.aborted) return false;
      const { message: cause, code } = error as Error & { code?: string };
      this.logger.warn({ msg: 'A conversation was not summarized', thread_id: threadId, code, cause });
      return false;
    }
  }

  /** @returns whether there may be more to do */
  private async summarizeOne(principal: Principal, threadId: string): Promise<boolean> {
    const target = byThread(threadId);
    const run = await this.db.read(principal, async (tx) => {
      const thread = await this.writer.find(tx, principal, target);
      return this.runs.batch(tx, principal, thread);
    });
    if (!run) return false;
    const content = await this.runs.textOf(run, this.end.signal);
    return this.db.run(principal, async (tx) => {
      const thread = await this.writer.lock(tx, principal, target);
      // Another instance, or a caller, may have been faster.
      if (thread.auto_summarize === null || !(await this.runs.isUnchanged(tx, thread, run))) return false;
      const range = { from_seq: run.from, to_seq: run.to };
      await this.writer.add(tx, thread, { ...range, content, created_by: this.runs.summarizerName, automatic: true });
      return true;
    });
  }
}
