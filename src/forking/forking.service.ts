import { Injectable } from '@nestjs/common';
import { newId } from '../common/ids';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import type { Principal } from '../organizations';
import { SessionOpeningService, SessionsService, type SessionView } from '../sessions';
import { checkSessionId, checkTarget, type Target, type ThreadView } from '../threads';
import type { ForkSession, ForkThread } from './forking.dto';
import { checkUpTo, ThreadCopies } from './thread-copies';

/** Copies threads and sessions, so that a conversation can go on in two ways. The source stays as it is. */
@Injectable()
export class ForkingService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly copies: ThreadCopies,
    private readonly sessions: SessionsService,
    private readonly opening: SessionOpeningService,
  ) {}

  /**
   * A thread of the caller's own, whoever has the source; like any new thread it becomes the current one (F04).
   * @throws THREAD_NOT_FOUND, MESSAGE_NOT_FOUND, VALIDATION_FAILED, IDEMPOTENCY_KEY_REUSED
   */
  forkThread(
    principal: Principal,
    target: Target,
    { name, ...upTo }: ForkThread,
    idempotencyKey?: IdempotencyKey,
  ): Promise<ThreadView> {
    checkTarget(target);
    checkUpTo(upTo);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const source = await this.copies.hold(tx, principal, target.id, target);
      return this.copies.copyToNew(tx, principal, source, name?.trim() ?? source.name, upTo);
    });
  }

  /**
   * A session under another id (C38): neither its memory nor whom it is shared with goes along.
   * @throws SESSION_NOT_FOUND, SESSION_EXISTS, INVALID_ID, SESSION_ID_RESERVED, TOO_MANY_SESSIONS, MESSAGE_NOT_FOUND,
   *   VALIDATION_FAILED, IDEMPOTENCY_KEY_REUSED
   */
  forkSession(
    principal: Principal,
    target: Target,
    { new_session_id, ...upTo }: ForkSession,
    idempotencyKey?: IdempotencyKey,
  ): Promise<SessionView> {
    checkUpTo(upTo);
    const id = checkSessionId(new_session_id || newId());
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const { thread_id, notebook_id: notebookId } = await this.sessions.find(tx, principal, target.id);
      // Before the source is held: who makes sessions may have to put it to sleep, and would wait for us, and we for them.
      const made = await this.opening.create(tx, principal, id, { notebookId });
      const source = await this.copies.hold(tx, principal, thread_id, target);
      // A session that nobody gave a title has its id for one.
      const name = source.name === target.id ? id : source.name;
      await this.copies.copy(tx, principal, source, { id: made.id, name }, upTo);
      await this.copies.copySettings(tx, source, made.id);
      return this.sessions.toView(await this.sessions.find(tx, principal, id));
    });
  }
}
