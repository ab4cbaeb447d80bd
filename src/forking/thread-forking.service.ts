import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { newId } from '../common/ids';
import { byThread } from '../threads/thread-access';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { IdempotencyKey } from '../idempotency/idempotency-key';
import { ThreadCreationService } from '../threads/thread-creation.service';
import type { ThreadView } from '../threads/threads.dto';
import { checkTarget, ThreadsService } from '../threads/threads.service';
import type { ForkThread } from './forking.dto';
import { checkUpTo, ThreadCopies } from './thread-copies';

/** Copies a thread, so that the conversation can go on in two ways. */
@Injectable()
export class ThreadForkingService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly threads: ThreadsService,
    private readonly creation: ThreadCreationService,
    private readonly copies: ThreadCopies,
  ) {}

  /**
   * A thread of the caller's own, whoever has the source; like any new thread it becomes the current one (F04).
   * @throws THREAD_NOT_FOUND, MESSAGE_NOT_FOUND, VALIDATION_FAILED, IDEMPOTENCY_KEY_REUSED
   */
  fork(principal: Principal, sourceId: string, body: ForkThread, idempotencyKey?: IdempotencyKey): Promise<ThreadView> {
    const target = byThread(sourceId);
    checkTarget(target);
    const { name, ...upTo } = body;
    checkUpTo(upTo);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const source = await this.copies.hold(tx, principal, sourceId, target);
      const to = { id: newId(), name: name?.trim() ?? source.name };
      await this.creation.createIn(tx, principal.orgId, [{ ...to, user_id: principal.userId, metadata: {} }]);
      await this.copies.copy(tx, principal, source, to, upTo);
      return this.threads.getIn(tx, principal, byThread(to.id));
    });
  }
}
