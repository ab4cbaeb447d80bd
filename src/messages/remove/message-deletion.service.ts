import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { checkVersion, precondition } from '../../http/request/versions';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { checkOwn, checkTarget, type Target, type Thread } from '../../threads';
import { HeldThreads } from '../edit/held-threads';
import type { ClearedThread, DeletedMessage } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { checkMessageId } from '../read/messages.service';
import { MessageRemovals } from './message-removals';

/** How somebody deletes. */
interface Deleting {
  ifMatch?: number;
  /** For good: also what is in the trash already. */
  erase: boolean;
}

/** Deletes messages because somebody asks for it: to the trash, or for good. */
@Injectable()
export class MessageDeletionService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: HeldThreads,
    private readonly removals: MessageRemovals,
  ) {}

  /** One message; with `erase` also one that is in the trash. @throws MESSAGE_NOT_FOUND, PRECONDITION_FAILED, THREAD_NOT_WRITABLE */
  async delete(principal: Principal, id: string, { ifMatch, erase }: Deleting): Promise<DeletedMessage> {
    checkMessageId(id);
    return this.db.run(principal, async (tx) => {
      const thread = await this.find(tx, principal, id, erase);
      if (erase) checkOwn(principal, thread);
      checkVersion(precondition(ifMatch), thread.version);
      const row = await this.threads.message(tx, principal, id);
      const isHere = row?.thread_id === thread.id;
      const range = { from: row?.seq, to: row?.seq };
      if (isHere && erase) await this.removals.deleteRange(tx, thread, range);
      else if (isHere) await this.removals.discard(tx, principal, thread, range, 'deleted');
      const erased = erase ? await this.removals.eraseTrash(tx, thread, id) : 0;
      if (!isHere && erased === 0) throw messageErrors.MESSAGE_NOT_FOUND(id);
      return { deleted: true, id };
    });
  }

  /**
   * All messages; the thread, its name and its metadata stay, its summaries go (F29, C39).
   * @throws THREAD_NOT_FOUND, PRECONDITION_FAILED, THREAD_NOT_WRITABLE
   */
  async clear(principal: Principal, target: Target, { ifMatch, erase }: Deleting): Promise<ClearedThread> {
    checkTarget(target);
    return this.db.run(principal, async (tx) => {
      const thread = await this.threads.hold(tx, principal, target);
      if (erase) checkOwn(principal, thread);
      checkVersion(precondition(ifMatch), thread.version);
      const { removed: cleared } = await this.removals.clear(tx, principal, thread, erase);
      return { cleared };
    });
  }

  private async find(tx: TenantTx, principal: Principal, id: string, erase: boolean): Promise<Thread> {
    const thread = await this.threads.find(tx, principal, id);
    const found = thread ?? (erase ? await this.threads.find(tx, principal, id, 'deleted_messages') : undefined);
    if (!found) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return found;
  }
}
