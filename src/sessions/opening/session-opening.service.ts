import { Inject, Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../../organizations';
import { newId } from '../../common/ids';
import { CONFIG, type Config } from '../../config/config';
import type { TenantTx } from '../../database/door/tenant-database';
import { checkSessionId } from '../../threads';
import { sessionErrors } from '../sessions.errors';
import { type HeldSession, type Leftover, SessionOpeningRepository } from './session-opening.repository';

/** A live session, held until the transaction ends; whether this transaction made it. */
interface OpenedSession {
  session: HeldSession;
  created: boolean;
}

/** What a request is about to say of a session. */
interface Opening {
  notebookId?: string | null;
}

/** Makes sessions, or finds them: the one way in which a session comes into being. */
@Injectable()
export class SessionOpeningService {
  constructor(
    private readonly sessions: SessionOpeningRepository,
    private readonly organizations: OrganizationsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * The caller's session of this id, held against other writers. Unknown, it is made; expired, it begins anew (U57), and
   * what it was is in the trash; evicted, it goes on (C03).
   * @throws INVALID_ID, SESSION_ID_RESERVED, TOO_MANY_SESSIONS
   */
  async open(tx: TenantTx, principal: Principal, id: string, opening: Opening = {}): Promise<OpenedSession> {
    checkSessionId(id);
    const live = await this.sessions.hold(tx, principal, id);
    if (live) return this.goOn(tx, principal, live, opening);
    await this.lockCreation(tx, principal, id);
    return this.openAlone(tx, principal, id, opening);
  }

  /** Wakes a session that sleeps. @returns whether it is active then @throws TOO_MANY_SESSIONS */
  async wake(tx: TenantTx, principal: Principal, id: string): Promise<boolean> {
    await this.lockCreation(tx, principal, id);
    const old = await this.sessions.holdLeftover(tx, principal, id);
    if (!old || old.expired || old.deleted) return false;
    if (!(await this.sessions.hold(tx, principal, id))) await this.revive(tx, principal, id, old);
    return true;
  }

  /** Room for one more session of a notebook (C03); before any row of a notebook's session is held. @throws TOO_MANY_SESSIONS */
  async makeRoom(tx: TenantTx, { orgId }: Principal): Promise<void> {
    const { SESSION_MAX_CONCURRENT: most, SESSION_EVICTION_POLICY: policy } = this.config.env;
    if (most === 0) return;
    // Sessions of one organization's notebooks wait for each other here, so that they cannot overshoot the cap together.
    await this.sessions.lockCreation(tx, JSON.stringify([orgId]));
    const excess = async () => (await this.sessions.countActive(tx, orgId)) - most + 1;
    for (let count = await excess(); count > 0; count = await excess()) {
      if (policy === 'reject') throw sessionErrors.TOO_MANY_SESSIONS(most);
      await this.sessions.evict(tx, orgId, count);
    }
  }

  /**
   * A new session of this id, held; where an expired one is, that is in the trash.
   * @throws INVALID_ID, SESSION_ID_RESERVED, SESSION_EXISTS (a sleeping one too), TOO_MANY_SESSIONS
   */
  async create(tx: TenantTx, principal: Principal, id: string, opening: Opening = {}): Promise<HeldSession> {
    checkSessionId(id);
    await this.lockCreation(tx, principal, id);
    if (await this.sessions.exists(tx, principal, id)) throw sessionErrors.SESSION_EXISTS(id);
    const { session, created } = await this.openAlone(tx, principal, id, opening);
    // It expired by our clock, and somebody whose transaction began earlier has still read it.
    if (!created) throw sessionErrors.SESSION_EXISTS(id);
    return session;
  }

  /** A write that is no message lets a session live on too: for `ms` at least, or as long as a message would. */
  keepAlive(tx: TenantTx, session: HeldSession, ms: number | null = session.lifetime_ms): Promise<void> {
    return this.sessions.keepAlive(tx, session, ms);
  }

  /** Lets a session that goes on live as long as the configuration says now. @param notebookId of the session from now on */
  async renewLifetime(
    tx: TenantTx,
    session: Pick<HeldSession, 'org_id' | 'id' | 'lifetime_ms'>,
    notebookId: string | null,
  ): Promise<void> {
    const { afterWriteMs } = sessionLifetime(this.config.env, notebookId !== null);
    if (session.lifetime_ms !== afterWriteMs) await this.sessions.setLifetime(tx, session, afterWriteMs);
  }

  /** Nobody else makes this session meanwhile; somebody may have, just before. */
  private async openAlone(tx: TenantTx, principal: Principal, id: string, opening: Opening): Promise<OpenedSession> {
    const live = await this.sessions.hold(tx, principal, id);
    if (live) return this.goOn(tx, principal, live, opening);
    const old = await this.sessions.holdLeftover(tx, principal, id);
    if (old && !old.expired && !old.deleted) {
      await this.revive(tx, principal, id, old);
      return this.goOn(tx, principal, await this.held(tx, principal, id), opening);
    }
    if (old) await this.giveAway(tx, principal, id, old);
    const ofNotebook = (opening.notebookId ?? null) !== null;
    if (ofNotebook) await this.makeRoom(tx, principal);
    await this.insert(tx, principal, id, ofNotebook);
    return { session: await this.held(tx, principal, id), created: true };
  }

  /** A session that is there; one that becomes a notebook's needs room from then on. */
  private async goOn(
    tx: TenantTx,
    principal: Principal,
    session: HeldSession,
    { notebookId = null }: Opening,
  ): Promise<OpenedSession> {
    if (notebookId !== null && session.notebook_id === null) await this.makeRoom(tx, principal);
    return { session, created: false };
  }

  private async held(tx: TenantTx, principal: Principal, id: string): Promise<HeldSession> {
    const session = await this.sessions.hold(tx, principal, id);
    if (!session) throw new Error('A session that was just made is not there');
    return session;
  }

  private async revive(tx: TenantTx, principal: Principal, id: string, old: Leftover): Promise<void> {
    if (old.notebook_id !== null) await this.makeRoom(tx, principal);
    await this.sessions.revive(tx, principal, old.thread_id, id);
  }

  /** The id is somebody's anew; the thread that had it stays in the trash, unless nothing is kept there. */
  private async giveAway(tx: TenantTx, principal: Principal, id: string, old: Leftover): Promise<void> {
    if (old.expired && this.config.env.TRASH_RETENTION_DAYS === 0)
      return this.sessions.deleteThread(tx, principal, old.thread_id);
    if (old.expired && !old.deleted) await this.sessions.discard(tx, principal, old.thread_id);
    await this.sessions.release(tx, principal, id);
  }

  private async insert(tx: TenantTx, principal: Principal, id: string, ofNotebook: boolean): Promise<void> {
    await this.organizations.ensure(tx, principal.userId);
    const session = { id, thread_id: newId(), title: id, metadata: {} };
    await this.sessions.insert(tx, principal, session, sessionLifetime(this.config.env, ofNotebook).afterWriteMs);
  }

  /** One creation of a session at a time. */
  private lockCreation(tx: TenantTx, { orgId, userId }: Principal, id: string): Promise<void> {
    return this.sessions.lockCreation(tx, JSON.stringify([orgId, userId, id]));
  }
}

interface SessionLifetime {
  /** After the last read or write; null: for ever. */
  ttlMs: number | null;
  /** After the last write; null: for ever. */
  maxAgeMs: number | null;
  /** After a write: the shorter one. */
  afterWriteMs: number | null;
}

/** How long sessions live, by the configuration (C15). The age is for those of notebooks only. */
export function sessionLifetime(
  { SESSION_TTL_SECONDS, SESSION_MAX_AGE_HOURS }: Config['env'],
  ofNotebook: boolean,
): SessionLifetime {
  const ttlMs = SESSION_TTL_SECONDS > 0 ? Math.ceil(SESSION_TTL_SECONDS * 1000) : null;
  const ages = ofNotebook && SESSION_MAX_AGE_HOURS > 0;
  const maxAgeMs = ages ? Math.ceil(SESSION_MAX_AGE_HOURS * 3_600_000) : null;
  return { ttlMs, maxAgeMs, afterWriteMs: ttlMs === null ? maxAgeMs : Math.min(ttlMs, maxAgeMs ?? ttlMs) };
}
