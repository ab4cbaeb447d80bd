import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { checkVersion, precondition } from '../http/request/versions';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { checkTarget, type Target, type Thread } from '../threads';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import type { Summarize, SummarizeResult } from './summaries.dto';
import { summaryErrors } from './summaries.errors';
import { type SummaryRun, SummaryRuns } from './summary-runs';
import { nothingSummarized, type Summarized, SummaryWriter } from './summary-writer';

interface SummarizeOptions {
  ifMatch?: number;
  idempotencyKey?: IdempotencyKey;
}

type Request = { principal: Principal; target: Target; body: Summarize } & SummarizeOptions;
type Begun = { response: SummarizeResult } | { thread: Thread; run: SummaryRun };

const MAX_ATTEMPTS = 3;

/**
 * Summarises because somebody asks for it. The model is asked between two transactions, so that no connection and no lock
 * waits for it; what changed meanwhile is found under the thread's lock, and summarised anew.
 */
@Injectable()
export class SummarizingService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly idempotency: IdempotencyService,
    private readonly runs: SummaryRuns,
    private readonly writer: SummaryWriter,
  ) {}

  /**
   * Fewer messages than are to be kept, or none without a summary: nothing happens (C24).
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, PRECONDITION_FAILED, IDEMPOTENCY_KEY_REUSED, SUMMARY_OUTDATED,
   *   SUMMARY_EMPTY, MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REFUSED
   */
  async summarize(
    principal: Principal,
    target: Target,
    body: Summarize,
    options: SummarizeOptions = {},
  ): Promise<SummarizeResult> {
    checkTarget(target);
    const request = { principal, target, body, ...options };
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const begun = await this.begin(request);
      if ('response' in begun) return begun.response;
      const content = await this.runs.textOf(begun.run);
      const done = await this.end(request, begun, { content, created_by: this.runs.summarizerName });
      if (done) return done;
    }
    throw summaryErrors.SUMMARY_OUTDATED();
  }

  private begin(request: Request): Promise<Begun> {
    const { principal, body, idempotencyKey } = request;
    const work = async (tx: TenantTx): Promise<Begun> => {
      const known = await this.knownAnswer(tx, request);
      if (known) return { response: known };
      const thread = await this.hold(tx, request);
      const mode = body.mode ?? 'keep';
      const run = await this.runs.older(tx, principal, thread, mode, body.keep_last);
      if (run) return { thread, run };
      const response = nothingSummarized(thread, mode);
      if (idempotencyKey) await this.idempotency.finish(tx, principal, idempotencyKey, response);
      return { response };
    };
    return this.db.run(principal, work, { repeatable: true });
  }

  /** @returns `undefined` if the summary is of messages that are others now */
  private end(
    request: Request,
    { thread: before, run }: { thread: Thread; run: SummaryRun },
    text: Summarized,
  ): Promise<SummarizeResult | undefined> {
    const { principal, idempotencyKey } = request;
    const work = async (tx: TenantTx): Promise<SummarizeResult | undefined> => {
      // The same request, sent again meanwhile, may have been faster.
      const known = await this.knownAnswer(tx, request);
      if (known) return known;
      const thread = await this.hold(tx, request);
      if (thread.id !== before.id || !(await this.runs.isUnchanged(tx, thread, run))) return undefined;
      const response = await this.writer.write(tx, principal, thread, run, text);
      if (idempotencyKey) await this.idempotency.finish(tx, principal, idempotencyKey, response);
      return response;
    };
    return this.db.run(principal, work, { repeatable: idempotencyKey !== undefined });
  }

  private async knownAnswer(
    tx: TenantTx,
    { principal, idempotencyKey }: Request,
  ): Promise<SummarizeResult | undefined> {
    const claim = idempotencyKey && (await this.idempotency.claim(tx, principal, idempotencyKey));
    return typeof claim === 'object' ? (claim.response as SummarizeResult) : undefined;
  }

  private async hold(tx: TenantTx, { principal, target, ifMatch }: Request): Promise<Thread> {
    const thread = await this.writer.lock(tx, principal, target);
    checkVersion(precondition(ifMatch), thread.version);
    return thread;
  }
}
