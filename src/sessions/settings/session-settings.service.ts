import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { newId } from '../../common/ids';
import { precondition } from '../../http/request/versions';
import type { TenantTx } from '../../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../../idempotency';
import { ownerOf, type SessionWaker } from '../../threads';
import { saysAnythingOf, SessionPatchService } from './session-patch.service';
import { SessionOpeningService } from '../opening/session-opening.service';
import type { OpenSession, SessionSettings, SessionView, UpdateSession } from '../sessions.dto';
import { SessionsService } from '../sessions.service';

/** A session, and whether this request made it. */
interface OpenedView {
  created: boolean;
  session: SessionView;
}

/** Makes sessions, goes on with them, and changes what callers may say of them. */
@Injectable()
export class SessionSettingsService implements SessionWaker {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly opening: SessionOpeningService,
    private readonly patches: SessionPatchService,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * Get or create: an id that is known goes on and is never reset; what the body says of it is merged, but for the
   * notebook, which stays the first one (C08, C30).
   * @throws OTHER_USER, OTHER_ORGANIZATION, INVALID_ID, SESSION_ID_RESERVED, TOO_MANY_SESSIONS, METADATA_TOO_LARGE
   */
  open(principal: Principal, body: OpenSession, idempotencyKey?: IdempotencyKey): Promise<OpenedView> {
    const { session_id, conversation_id, user_id, org_id, ...settings } = body;
    if (session_id && conversation_id && session_id !== conversation_id) {
      throw commonErrors.BAD_REQUEST('session_id and conversation_id differ.');
    }
    const owner = { ...principal, userId: ownerOf(principal, { user_id, org_id }) };
    const id = session_id || conversation_id || newId();
    return this.idempotency.once(principal, idempotencyKey, (tx) => this.openIn(tx, owner, id, settings));
  }

  /** @throws SESSION_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED, VERSION_CONFLICT */
  update(principal: Principal, id: string, body: UpdateSession, ifMatch?: number): Promise<SessionView> {
    return this.idempotency.once(principal, undefined, async (tx) => {
      const joins = (body.notebook_id ?? null) !== null;
      if (joins && (await this.sessions.find(tx, principal, id)).notebook_id === null)
        await this.opening.makeRoom(tx, principal);
      await this.patches.patch(tx, principal, id, body, precondition(ifMatch, body));
      if (body.notebook_id !== undefined) {
        const { session } = await this.opening.open(tx, principal, id);
        await this.opening.renewLifetime(tx, session, body.notebook_id);
      }
      return this.sessions.toView(await this.sessions.find(tx, principal, id));
    });
  }

  async wake(
    principal: Principal,
    { id, ownerId = principal.userId }: { id: string; ownerId?: string },
  ): Promise<boolean> {
    const sleeps = await this.sessions.sleeps(principal, ownerId, id);
    // Awake by now: another request has met it asleep as well.
    if (!sleeps) return sleeps === false;
    const owner = { ...principal, userId: ownerId };
    return this.idempotency.once(principal, undefined, (tx) => this.opening.wake(tx, owner, id));
  }

  private async openIn(
    tx: TenantTx,
    owner: Principal,
    id: string,
    { notebook_id, ...settings }: SessionSettings,
  ): Promise<OpenedView> {
    const { session, created } = await this.opening.open(tx, owner, id, { notebookId: notebook_id });
    if (!created) await this.sessions.noteReadIn(tx, owner, id);
    await this.opening.renewLifetime(tx, session, session.notebook_id ?? notebook_id ?? null);
    const said = { ...settings, notebook_id: session.notebook_id === null ? notebook_id : undefined };
    if (saysAnythingOf(said)) await this.patches.apply(tx, owner, id, said);
    const view = this.sessions.toView(await this.sessions.find(tx, owner, id));
    return { created, session: created ? { ...view, messages: [] } : view };
  }
}
