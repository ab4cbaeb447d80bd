import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { TenantDatabase } from '../../database/door/tenant-database';
import type { Target } from '../../threads';
import { MemoryService } from '../../memory';
import type { ModelMessage } from '../../models';
import { SummariesService, Summarizer, type SummaryRow } from '../../summaries';

/** Facts that a model is told at most; more would crowd out the conversation. */
const MAX_FACTS = 100;

/** What a context has besides messages. */
@Injectable()
export class ContextExtras {
  constructor(
    private readonly db: TenantDatabase,
    private readonly memory: MemoryService,
    private readonly stored: SummariesService,
    private readonly summarizer: Summarizer,
  ) {}

  /** What is remembered of the caller, for everywhere, and of a session for that session (S46). */
  async facts(principal: Principal, target: Target): Promise<Record<string, unknown>> {
    const scope = target.by === 'session' ? { session_id: target.id, include_user: 'true' as const } : {};
    return (await this.memory.map(principal, { ...scope, limit: MAX_FACTS })).memories;
  }

  /** Oldest first. */
  summaries(principal: Principal, threadId: string): Promise<SummaryRow[]> {
    return this.db.readOne(principal, (tx) => this.stored.listIn(tx, principal, threadId));
  }

  summarize(messages: ModelMessage[]): Promise<string> {
    return this.summarizer.summarize(messages);
  }
}
