import { Inject, Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../organizations';
import { newId } from '../common/ids';
import { checkCount, checkMetadata } from '../http/request/limits';
import { CONFIG, type Config } from '../config/config';
import type { TenantTx } from '../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import type { Thread } from './thread.entity';
import { ownerOf } from './target';
import { type CreateThread, type CreateThreads, type ThreadBatch, type ThreadView, toThreadView } from './threads.dto';
import { type NewThread, ThreadsRepository } from './threads.repository';

/** Makes threads. */
@Injectable()
export class ThreadCreationService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly threads: ThreadsRepository,
    private readonly organizations: OrganizationsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Makes one thread, or several in one transaction; the last one becomes its owner's current thread (F04).
   * @throws OTHER_USER, OTHER_ORGANIZATION, METADATA_TOO_LARGE, TOO_MANY_ITEMS, IDEMPOTENCY_KEY_REUSED
   */
  async create(
    principal: Principal,
    body: CreateThread | CreateThreads,
    idempotencyKey?: IdempotencyKey,
  ): Promise<ThreadView | ThreadBatch> {
    const inputs = 'threads' in body ? body.threads : [body];
    checkCount(inputs, this.config.env.MESSAGE_BATCH_LIMIT);
    const rows = inputs.map((input) => this.toRow(principal, input));
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const threads = await this.createIn(tx, principal.orgId, rows);
      const views = threads.map((thread) => ({ ...toThreadView(thread), chat_messages: [] }));
      return 'threads' in body ? { data: views } : views[0];
    });
  }

  /** The same, inside a transaction of another service, of rows that are checked. */
  async createIn(tx: TenantTx, orgId: string, rows: NewThread[]): Promise<Thread[]> {
    for (const owner of new Set(rows.map((row) => row.user_id))) await this.organizations.ensure(tx, owner);
    const threads = await this.threads.insert(tx, orgId, rows);
    const last = rows[rows.length - 1];
    await this.threads.setCurrent(tx, orgId, last.user_id, last.id);
    return threads;
  }

  private toRow(principal: Principal, input: CreateThread): NewThread {
    checkMetadata(input.metadata, this.config.env.METADATA_LIMIT_BYTES);
    return {
      id: newId(),
      user_id: ownerOf(principal, input),
      name: input.name.trim(),
      metadata: input.metadata ?? {},
      auto_summarize: input.auto_summarize,
    };
  }
}
