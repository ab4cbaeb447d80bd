import { Inject, Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../../organizations';
import { newId } from '../../common/ids';
import { CONFIG, type Config } from '../../config/config';
import type { TenantTx } from '../../database/door/tenant-database';
import { checkSessionId } from '../../threads';
import { sessionErrors } from '../sessions.errors';
import { type HeldSession, SessionOpeningRepository } from './session-opening.repository';

/** A live session, held until the transaction ends; whether this transaction made it. */
interface OpenedSession {
  session: HeldSession;
  created: boolean;
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
   * The caller's session of this id, held against other writers. Unknown, it is made; expired, it begins anew (U57);
   * evicted, it goes on (C03).
   * @throws INVALID_ID, SESSION_ID_RESERVED, TOO_MANY_SESSIONS
   */
  async open(tx: TenantTx, principal: Principal, id: string): Promise<OpenedSession> {
    checkSessionId(id);
    const live = await this.sessions.hold(tx, principal, id);
    if (live) return { session: live, created: false };
    await this.lockCreation(tx, principal, id);
    return this.openAlone(tx, principal, id);
  }

  /**
   * A new session of this id, held; where an expired one is, it is gone.
   * @throws INVALID_ID, SESSION_ID_RESERVED, SESSION_EXISTS (a sleeping one too), TOO_MANY_SESSIONS
   */
  async create(tx: TenantTx, principal: Principal, id: string): Promise<HeldSession> {
    checkSessionId(id);
    await this.lockCreation(tx, principal, id);
    if (await this.sessions.exists(tx, principal, id)) throw sessionErrors.SESSION_EXISTS(id);
    const { session, created } = await this.openAlone(tx, principal, id);
    // It expired by our clock, and somebody whose transaction began earlier has still read it.
    if (!created) throw sessionErrors.SESSION_EXISTS(id);
    return session;
  }

  /** A write that is no message lets a session live on too: for `ms` at least, or as long as a message would. */
  keepAlive(tx: TenantTx, session: HeldSession, ms: number | null = session.lifetime_ms): Promise<void> {
    return this.sessions.keepAlive(tx, session, ms);
  }

  /** Lets a session that goes on live as long as the configuration says now. */
  async renewLifetime(tx: TenantTx, session: HeldSession): Promise<void> {
    const { afterWriteMs } = sessionLifetime(this.config.env);
    if (session.lifetime_ms !== afterWriteMs) await this.sessions.setLifetime(tx, session, afterWriteMs);
  }

  /** Nobody else makes this session meanwhile; somebody may have, just before. */
  private async openAlone(tx: TenantTx, principal: Principal, id: string): Promise<OpenedSession> {
    const live = await this.sessions.hold(tx, principal, id);
    if (live) return { session: live, created: false };
    const old = await this.sessions.holdLeftover(tx, principal, id);
    if (old?.expired) await this.sessions.deleteThread(tx, principal, old.thread_id);
    else if (old?.deleted) await this.sessions.release(tx, principal, id);
    await this.makeRoom(tx, principal);
    const sleeps = old !== undefined && !old.expired && !old.deleted;
    if (sleeps) await this.sessions.revive(tx, principal, old.thread_id, id);
    else await this.insert(tx, principal, id);
    const session = await this.sessions.hold(tx, principal, id);
    if (!session) throw new Error('A session that was just made is not there');
    return { session, created: !sleeps };
  }

  private async insert(tx: TenantTx, principal: Principal, id: string): Promise<void> {
    await this.organizations.ensure(tx, principal.userId);
    const session = { id, thread_id: newId(), title: id, metadata: {} };
    await this.sessions.insert(tx, principal, session, sessionLifetime(this.config.env).afterWriteMs);
  }

  /** With a cap, creations of one organization wait for each other, so that they cannot overshoot it together (C03). */
  private lockCreation(tx: TenantTx, { orgId, userId }: Principal, id: string): Promise<void> {
    const capped = this.config.env.SESSION_MAX_CONCURRENT > 0;
    return this.sessions.lockCreation(tx, JSON.stringify(capped ? [orgId] : [orgId, userId, id]));
  }

  private async makeRoom(tx: TenantTx, { orgId }: Principal): Promise<void> {
    const { SESSION_MAX_CONCURRENT: most, SESSION_EVICTION_POLICY: policy } = this.config.env;
    const excess = async () => (most === 0 ? 0 : (await this.sessions.countActive(tx, orgId)) - most + 1);
    for (let count = await excess(); count > 0; count = await excess()) {
      if (policy === 'reject') throw sessionErrors.TOO_MANY_SESSIONS(most);
      await this.sessions.evict(tx, orgId, count);
    }
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

/** How long sessions live, by the configuration (C15). */
export function sessionLifetime({ SESSION_TTL_SECONDS, SESSION_MAX_AGE_HOURS }: Config['env']): SessionLifetime {
  const ttlMs = SESSION_TTL_SECONDS > 0 ? Math.ceil(SESSION_TTL_SECONDS * 1000) : null;
  const maxAgeMs = SESSION_MAX_AGE_HOURS > 0 ? Math.ceil(SESSION_MAX_AGE_HOURS * 3_600_000) : null;
  return { ttlMs, maxAgeMs, afterWriteMs: ttlMs === null ? maxAgeMs : Math.min(ttlMs, maxAgeMs ?? ttlMs) };
}
