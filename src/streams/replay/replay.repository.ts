import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import { Message } from '../../messages';

type ThreadKey = { org_id: string; id: string };

/** The messages that a turn of the thread begins with. */
const begins = (tx: TenantTx, { org_id, id }: ThreadKey) =>
  tx
    .repo(Message)
    .createQueryBuilder('m')
    .where(`m.org_id = :org_id AND m.thread_id = :id AND m.role = 'user'`, { org_id, id });

/** Finds turns. Both walk from the beginning: a replay asks once, before it begins. */
@Injectable()
export class ReplayRepository {
  /** The turn that a message belongs to, if it does not begin one: how many begin before it. */
  turnBefore(tx: TenantTx, thread: ThreadKey, seq: number): Promise<number> {
    return begins(tx, thread).andWhere('m.seq < :seq', { seq }).getCount();
  }

  /** The number of the message that a turn begins with. @param turn from 1 */
  async beginOf(tx: TenantTx, thread: ThreadKey, turn: number): Promise<number | undefined> {
    const nth = begins(tx, thread)
      .select('m.seq', 'seq')
      .orderBy('m.seq')
      .offset(turn - 1);
    return (await nth.limit(1).getRawOne<{ seq: number }>())?.seq;
  }
}
