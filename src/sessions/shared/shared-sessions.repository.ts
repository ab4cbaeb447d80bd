import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import { principalValues, visibleThread } from '../../threads/thread-access';
import { LIVE_SESSIONS, SESSION_COLUMNS, type SessionRow } from '../sessions.repository';

const OF_OWNER = `s.org_id = $1 AND s.user_id = $4 AND s.id = $5 AND ${visibleThread('t', 1)}`;

/** Sessions of others. */
@Injectable()
export class SharedSessionsRepository {
  /** @returns the owner's session if it is live and in the caller's sight */
  async find(tx: TenantTx, principal: Principal, ownerId: string, id: string): Promise<SessionRow | undefined> {
    const text = `SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE ${OF_OWNER}`;
    const values = [...principalValues(principal), ownerId, id];
    return (await tx.query<SessionRow>({ name: 'shared_sessions_find', text }, values))[0];
  }

  /** The same, its thread only. */
  async findThread(tx: TenantTx, principal: Principal, ownerId: string, id: string): Promise<string | undefined> {
    const text = `SELECT t.id FROM ${LIVE_SESSIONS} WHERE ${OF_OWNER}`;
    const values = [...principalValues(principal), ownerId, id];
    return (await tx.query<{ id: string }>({ name: 'shared_sessions_find_thread', text }, values))[0]?.id;
  }
}
