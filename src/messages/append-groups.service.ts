import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { commonErrors, Problem } from '../common/errors';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import { AppendEventsService } from './append-events.service';
import { outcomes, takeGroup, toStatement, type WaitingAppend } from './append-group';
import { AppendGroupsRepository } from './append-groups.repository';
import type { Appended } from './messages.repository';
import type { NewMessage } from './new-message';

/** Transactions of one organization at the same time. A thread has its lane, so that they never wait for each other. */
const LANES = 2;
/** Characters that wait in this process at most, before callers are sent away. */
const MOST_WAITING = 64_000_000;

type Lane = WaitingAppend[];

/**
 * Group commit: appends of one organization that wait at the same time go as one statement in one transaction, each with
 * its own outcome. Nobody waits for others to come: who finds the lane free goes at once.
 */
@Injectable()
export class AppendGroupsService {
  /** Of organizations whose lane is under way: who waits in it. */
  private readonly lanes = new Map<string, Lane>();
  private size = 0;

  constructor(
    private readonly db: TenantDatabase,
    private readonly groups: AppendGroupsRepository,
    private readonly events: AppendEventsService,
  ) {}

  /**
   * Appends to a thread, with those who wait at the same time.
   * @returns `undefined` when it has to go alone: the thread is not in sight, somebody holds it, or the group failed
   * @throws STORE_UNAVAILABLE
   */
  append(principal: Principal, threadId: string, messages: NewMessage[]): Promise<Appended | undefined> {
    const json = messages.map((message) => JSON.stringify(message));
    const size = json.reduce((sum, text) => sum + text.length, 0);
    if (this.size + size > MOST_WAITING)
      throw commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    this.size += size;
    return new Promise<Appended | undefined>((settle, fail) => {
      this.enter({ principal, threadId, messages: json, tokens, size, settle, fail });
    }).finally(() => (this.size -= size));
  }

  private enter(append: WaitingAppend): void {
    const key = `${append.principal.orgId} ${parseInt(append.threadId.slice(-4), 16) % LANES}`;
    const lane = this.lanes.get(key);
    if (lane) lane.push(append);
    else {
      this.lanes.set(key, [append]);
      void this.run(key);
    }
  }

  private async run(key: string): Promise<void> {
    const waiting = this.lanes.get(key) as Lane;
    while (waiting.length > 0) await this.send(takeGroup(waiting), waiting);
    this.lanes.delete(key);
  }

  /** Never fails: what goes wrong is the outcome of those who are in the group. */
  private async send(group: WaitingAppend[][], behind: Lane): Promise<void> {
    try {
      const done = await this.store(group);
      group.flat().forEach((append, i) => append.settle(done[i]));
    } catch (error) {
      const away = error instanceof Problem && error.status === 503;
      // Whatever one of them was refused for, each meets alone what is its own.
      if (!away) for (const append of group.flat()) append.settle(undefined);
      else for (const append of [...group.flat(), ...behind.splice(0)]) append.fail(error);
    }
  }

  /** @returns the outcome of each append, in the order of the threads */
  private store(group: WaitingAppend[][]): Promise<(Appended | undefined)[]> {
    const statement = toStatement(group);
    const work = async (tx: TenantTx) => {
      const rows = new Map((await this.groups.append(tx, statement)).map((row) => [row.n, row]));
      return group.flatMap((appends, n) => {
        const row = rows.get(n);
        if (!row) return appends.map(() => undefined);
        const done = outcomes(appends, row);
        done.forEach((appended, i) => this.events.announce(tx, appends[i].principal, appended));
        return done;
      });
    };
    // Ids are fixed before the first attempt: if that had happened and only its outcome was lost, the next meets its rows.
    return this.db.runOne(statement, work, { repeatable: true, hasOnePlan: true });
  }
}
