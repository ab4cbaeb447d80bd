import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { isUuid } from '../../common/ids';
import { DEFAULT_LIMIT, isIsoTime, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { checkVersion, precondition } from '../../http/request/versions';
import { CONFIG, type Config } from '../../config/config';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { checkTarget, ownerOf, type Target } from '../target';
import { ThreadTrashRepository, type TrashedRow } from './thread-trash.repository';
import type { Thread } from '../thread.entity';
import {
  type DeletedThread,
  type ListThreadTrashQuery,
  type ThreadTrashList,
  type ThreadView,
  toThreadView,
  type TrashedThread,
} from '../threads.dto';
import { ThreadsService } from '../threads.service';

/** How somebody deletes a thread. */
interface DeletingThread {
  ifMatch?: number;
  /** For good, at once; also from the trash. */
  erase: boolean;
}

/** Deletes threads, to the trash or for good, and brings them back. Only its owner may, or an admin. */
@Injectable()
export class ThreadTrashService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly trash: ThreadTrashRepository,
    private readonly threads: ThreadsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** A thread with its messages and its session. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE, PRECONDITION_FAILED */
  async delete(principal: Principal, target: Target, { ifMatch, erase }: DeletingThread): Promise<DeletedThread> {
    checkTarget(target);
    const isFinal = erase || !this.keeps;
    await this.db.run(principal, async (tx) => {
      if (erase && (await this.eraseTrashed(tx, principal, target, ifMatch))) return;
      const deleted = isFinal
        ? await this.threads.deleteIn(tx, principal, target, ifMatch)
        : await this.trash.discard(tx, principal, target, ifMatch);
      if (!deleted) await this.threads.explain(tx, principal, target, precondition(ifMatch));
    });
    return { deleted: true, id: target.id };
  }

  /** A user's trash, the last deletion first. @throws OTHER_USER, INVALID_CURSOR, BAD_REQUEST */
  async list(principal: Principal, query: ListThreadTrashQuery): Promise<ThreadTrashList> {
    const { limit = DEFAULT_LIMIT, order = 'desc', offset = 0 } = query;
    const owner = ownerOf(principal, query);
    const after = positionOf(query, [isIsoTime, isUuid]);
    const slice = { after, order, limit: rowsFor(limit), offset, withExpired: this.keeps };
    const rows = await this.db.readOne(principal, (tx) => this.trash.list(tx, principal.orgId, owner, slice));
    return toPage(rows, limit, toTrashedThread, ({ gone_at, id }) => [gone_at.toISOString(), id]);
  }

  /** One that is not in the trash stays as it is. @throws THREAD_NOT_FOUND, THREAD_NOT_WRITABLE */
  async restore(principal: Principal, target: Target): Promise<ThreadView> {
    checkTarget(target);
    return this.db.run(principal, async (tx) => {
      const trashed = await this.hold(tx, principal, target.id);
      if (trashed) return toThreadView(await this.trash.restore(tx, trashed, this.config.env.SESSION_MAX_CONCURRENT));
      return this.threads.getOwnIn(tx, principal, target);
    });
  }

  private get keeps(): boolean {
    return this.config.env.TRASH_RETENTION_DAYS > 0;
  }

  /** Where nothing is kept, what has expired is gone. */
  private async hold(tx: TenantTx, principal: Principal, id: string): Promise<Thread | undefined> {
    const trashed = await this.trash.hold(tx, principal, id);
    return trashed?.deleted_at || this.keeps ? trashed : undefined;
  }

  private async eraseTrashed(tx: TenantTx, principal: Principal, target: Target, ifMatch?: number): Promise<boolean> {
    const trashed = await this.hold(tx, principal, target.id);
    if (!trashed) return false;
    checkVersion(precondition(ifMatch), trashed.version);
    await this.trash.erase(tx, trashed);
    return true;
  }
}

const toTrashedThread = (thread: TrashedRow): TrashedThread => ({
  ...toThreadView(thread),
  session_id: null,
  expires_at: null,
  deleted_at: thread.gone_at.toISOString(),
});
