import { Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../../organizations';
import { TenantDatabase } from '../../database/door/tenant-database';
import { byThread, checkTarget } from '../target';
import { type CurrentThreadView, toThreadView } from '../threads.dto';
import { threadErrors } from '../threads.errors';
import { ThreadsRepository } from '../threads.repository';
import { ThreadsService } from '../threads.service';

/** The thread that a user works in, remembered in the database: it holds on every instance and after a restart. */
@Injectable()
export class CurrentThreadService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadsService,
    private readonly rows: ThreadsRepository,
    private readonly organizations: OrganizationsService,
  ) {}

  async get(principal: Principal): Promise<CurrentThreadView> {
    const thread = await this.db.readOne(principal, (tx) => this.rows.findCurrent(tx, principal));
    return { thread: thread ? toThreadView(thread) : null };
  }

  /** @throws THREAD_NOT_FOUND; the current thread stays what it was (F08) */
  async set(principal: Principal, threadId: string): Promise<CurrentThreadView> {
    const target = byThread(threadId);
    checkTarget(target);
    return this.db.run(principal, async (tx) => {
      await this.organizations.ensure(tx, principal.userId);
      // Locked, so that it cannot be deleted before the row that points at it is written.
      const thread = await this.threads.lock(tx, principal, target);
      await this.rows.setCurrent(tx, principal.orgId, principal.userId, threadId);
      return { thread: toThreadView(thread) };
    });
  }

  /** @throws NO_ACTIVE_THREAD */
  async id(principal: Principal): Promise<string> {
    const { thread } = await this.get(principal);
    if (!thread) throw threadErrors.NO_ACTIVE_THREAD();
    return thread.id;
  }
}
