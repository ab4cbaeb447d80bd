import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { Problem } from '../../common/errors';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../../threads/thread-access';
import { AppendEventsService } from './append-events.service';
import type { Append } from './append-request';
import { outcomes, takeGroup, toStatement, type WaitingAppend } from './append-group';
import { AppendGroupsRepository } from './append-groups.repository';
import type { Appended } from '../read/messages.repository';

/** What is larger gains nothing by company, and would keep it waiting. */
const SMALL = { messages: 32, characters: 64_000 };

/**
 * Group commit: appends of one organization that wait at the same time go as one statement in one transaction, each with
 * its own outcome. One transaction of an organization at a time, in each process: while PostgreSQL works on one group, the
 * next one gathers here. Nobody waits for others to come: who finds none under way goes at once.
 */
@Injectable()
export class AppendGroupsService {
  /** Of organizations with a transaction under way: who waits for the next. */
  private readonly waiting = new Map<string, WaitingAppend[]>();

  constructor(
    private readonly db: TenantDatabase,
    private readonly groups: AppendGroupsRepository,
    private readonly events: AppendEventsService,
  ) {}

  /**
   * Appends to a thread or a session, with those who wait at the same time.
   * @returns `undefined` when it has to go alone: it is large, the thread is not in sight, somebody holds it, or the group
   *   failed
   * @throws STORE_UNAVAILABLE when the database is away
   */
  append(principal: Principal, target: Target, { messages, json, size }: Append): Promise<Appended | undefined> {
    if (messages.length > SMALL.messages || size > SMALL.characters) return Promise.resolve(undefined);
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    return new Promise<Appended | undefined>((settle, fail) => {
      this.enter({ principal, target, messages: json, tokens, size, settle, fail });
    });
  }

  private enter(append: WaitingAppend): void {
    const { orgId } = append.principal;
    const waiting = this.waiting.get(orgId);
    if (waiting) return void waiting.push(append);
    const queue = [append];
    this.waiting.set(orgId, queue);
    void this.run(orgId, queue);
  }

  private async run(orgId: string, queue: WaitingAppend[]): Promise<void> {
    while (queue.length > 0) await this.send(takeGroup(queue), queue);
    this.waiting.delete(orgId);
  }

  /** Never fails: what goes wrong is the outcome of those who are in the group. */
  private async send(group: WaitingAppend[][], behind: WaitingAppend[]): Promise<void> {
    try {
      const done = await this.store(group);
      group.flat().forEach((append, i) => append.settle(done[i]));
    } catch (error) {
      const away = error instanceof Problem && error.code === 'STORE_UNAVAILABLE';
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
