import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { newId } from '../common/ids';
import { bySession } from '../threads/thread-access';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { IdempotencyKey } from '../idempotency/idempotency-key';
import { checkSessionId } from '../sessions/opening/session-id';
import { SessionOpeningService } from '../sessions/opening/session-opening.service';
import type { SessionView } from '../sessions/sessions.dto';
import { SessionsService } from '../sessions/sessions.service';
import type { ForkSession } from './forking.dto';
import { checkUpTo, ThreadCopies } from './thread-copies';

/** Copies a session under another id (C38): neither its memory nor whom it is shared with goes along. */
@Injectable()
export class SessionForkingService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly sessions: SessionsService,
    private readonly opening: SessionOpeningService,
    private readonly copies: ThreadCopies,
  ) {}

  /**
   * The source stays as it is: nobody has read or written it.
   * @throws SESSION_NOT_FOUND, SESSION_EXISTS, INVALID_ID, SESSION_ID_RESERVED, TOO_MANY_SESSIONS, MESSAGE_NOT_FOUND,
   *   VALIDATION_FAILED, IDEMPOTENCY_KEY_REUSED
   */
  fork(
    principal: Principal,
    sourceId: string,
    body: ForkSession,
    idempotencyKey?: IdempotencyKey,
  ): Promise<SessionView> {
    const { new_session_id, ...upTo } = body;
    checkUpTo(upTo);
    const id = checkSessionId(new_session_id || newId());
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const { thread_id } = await this.sessions.find(tx, principal, sourceId);
      // Before the source is held: who makes sessions may have to put it to sleep, and would wait for us, and we for them.
      const made = await this.opening.create(tx, principal, id);
      const source = await this.copies.hold(tx, principal, thread_id, bySession(sourceId));
      // A session that nobody gave a title has its id for one.
      const to = { id: made.id, name: source.name === sourceId ? id : source.name };
      await this.copies.copySettings(tx, await this.copies.copy(tx, principal, source, to, upTo));
      return this.sessions.toView(await this.sessions.find(tx, principal, id));
    });
  }
}
