import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';

type ThreadKey = { org_id: string; id: string };

/** Finds turns. Both walk from the beginning: a replay asks once, before it begins. */
@Injectable()
export class ReplayRepository {
  /** The turn that a message belongs to, if it does not begin one: how many begin before it. */
  async turnBefore(tx: TenantTx, thread: ThreadKey, seq: number): Promise<number> {
    const text = `
      SELECT count(*) AS turns FROM messages m
      WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq < $3 AND m.role = 'user'`;
    const values = [thread.org_id, thread.id, seq];
    return (await tx.query<{ turns: number }>({ name: 'replay_turn_before', text }, values))[0].turns;
  }

  /** The number of the message that a turn begins with. @param turn from 1 */
  async beginOf(tx: TenantTx, thread: ThreadKey, turn: number): Promise<number | undefined> {
    const text = `
      SELECT m.seq FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.role = 'user'
      ORDER BY m.seq LIMIT 1 OFFSET $3`;
    const values = [thread.org_id, thread.id, turn - 1];
    return (await tx.query<{ seq: number }>({ name: 'replay_begin_of', text }, values))[0]?.seq;
  }
}
