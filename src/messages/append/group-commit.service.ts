import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors, Problem } from '../../common/errors';
import { FairLanes, LanesBusy } from '../../common/lanes';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { gateOf, type Target } from '../../threads';
import { type AppendGroup, AppendRepository, type GroupedRow } from './append.repository';
import type { Append, Appended } from './new-message';

/** An append that may go together with others, and who waits for it. */
export interface WaitingAppend {
  readonly principal: Principal;
  readonly target: Target;
  /** Each message as JSON. */
  readonly messages: string[];
  readonly tokens: number;
  /** Characters of the messages. */
  readonly size: number;
  /** Takes the outcome; `undefined`: the append has to go alone. */
  readonly settle: (appended: Appended | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** The appends of a group to one thread, in the order in which they came; all of one caller. */
type OfThread = WaitingAppend[];

/** Of one append in a group: what is larger gains nothing by company, and would keep it waiting. */
const MAX_APPEND = { messages: 32, characters: 64_000 };

/** Of one group, which is one transaction: it shall not keep those behind it waiting. After `ms`, each append goes alone. */
const MAX_GROUP = { appends: 100, characters: 500_000, ms: 3000 };

/**
 * Group commit: appends of one organization that wait at the same time go as one statement in one transaction, each with
 * its own outcome. One transaction of an organization at a time, in each process: while PostgreSQL works on one group, the
 * next one gathers here. No append waits for others to come: when none is under way, it goes at once.
 */
@Injectable()
export class GroupCommitService {
  /** Of organizations with a transaction under way: the appends that wait for the next. */
  private readonly waiting = new Map<string, WaitingAppend[]>();

  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: AppendRepository,
  ) {}

  /**
   * Appends to a thread or a session, with the appends that wait at the same time.
   * @returns `undefined` when it has to go alone: it is large, the thread is not in sight, another transaction holds it, or
   *   the group failed
   * @throws STORE_UNAVAILABLE when the database is away
   */
  append(principal: Principal, target: Target, { messages, json, size }: Append): Promise<Appended | undefined> {
    if (messages.length > MAX_APPEND.messages || size > MAX_APPEND.characters) return Promise.resolve(undefined);
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

  /** Never fails: an error is the outcome of the appends of the group. */
  private async send(group: OfThread[], behind: WaitingAppend[]): Promise<void> {
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
  private store(group: OfThread[]): Promise<(Appended | undefined)[]> {
    const statement = toStatement(group);
    const work = async (tx: TenantTx) => {
      const rows = new Map((await this.rows.appendGroup(tx, statement)).map((row) => [row.n, row]));
      return group.flatMap((appends, n) => {
        const row = rows.get(n);
        return row ? outcomes(appends, row) : appends.map(() => undefined);
      });
    };
    // Ids are fixed before the first attempt: if that had happened and only its outcome was lost, the next meets its rows.
    return this.db.runOne(statement, work, { repeatable: true, hasOnePlan: true, timeoutMs: MAX_GROUP.ms });
  }
}

/** Takes those out of `waiting` that go together: the first, and what follows it as far as it fits. */
export function takeGroup(waiting: WaitingAppend[]): OfThread[] {
  const threads = new Map<string, OfThread>();
  let [count, size] = [0, 0];
  for (const append of waiting) {
    const key = gateOf(append.principal, append.target);
    const others = threads.get(key);
    size += append.size;
    if (count > 0 && (count === MAX_GROUP.appends || size > MAX_GROUP.characters)) break;
    if (others && !isSameCaller(others[0].principal, append.principal)) break;
    if (others) others.push(append);
    else threads.set(key, [append]);
    count += 1;
  }
  waiting.splice(0, count);
  return [...threads.values()];
}

/** The same user may have several keys, and see more with one than with another. */
const isSameCaller = (one: Principal, other: Principal) =>
  one.userId === other.userId && one.via === other.via && one.seesOrganization === other.seesOrganization;

/** The group as the statement takes it. */
export const toStatement = (group: OfThread[]): AppendGroup => ({
  orgId: group[0][0].principal.orgId,
  threads: group.map((appends) => ({
    target: appends[0].target,
    principal: appends[0].principal,
    writes: appends.length,
    messages: sum(appends, ({ messages }) => messages.length),
    tokens: sum(appends, ({ tokens }) => tokens),
  })),
  messages: group.flatMap((appends) => appends.flatMap(({ messages }) => messages)),
});

/** What each append of a thread came to, of what all of them together came to. */
export function outcomes(appends: OfThread, row: GroupedRow): Appended[] {
  let [messages, tokens] = [sum(appends, (append) => append.messages.length), sum(appends, (append) => append.tokens)];
  const last = row.base + messages;
  return appends.map((append, i) => {
    const base = last - messages;
    messages -= append.messages.length;
    tokens -= append.tokens;
    return {
      ...row,
      base,
      message_count: row.message_count - messages,
      token_count: row.token_count - tokens,
      version: row.version - (appends.length - 1 - i),
    };
  });
}

const sum = <T>(items: T[], of: (item: T) => number) => items.reduce((total, item) => total + of(item), 0);

/** Characters of the appends that are under way in a process, at most, before callers are sent away. */
const MAX_UNDER_WAY = 96_000_000;
/** Of one organization: with nobody else under way, so that there is always room for the first of another; and with others. */
const MAX_ALONE = (MAX_UNDER_WAY / 3) * 2;
const MAX_BESIDE_OTHERS = MAX_UNDER_WAY / 3;

/** What takes this process and PostgreSQL so long that others notice. */
const LARGE = 256_000;
/** Of one organization: while PostgreSQL stores one, the next is on its way. */
const MAX_LARGE = 2;
const MAX_WAIT_MS = 30_000;

/** Who may append now. One organization takes neither the memory nor the processors from the others. */
export class AppendAdmission {
  private underWay = 0;
  private readonly organizations = new Map<string, number>();
  private readonly large = new FairLanes({ each: MAX_LARGE });

  /**
   * Does `work` with an append of so many characters; a large one waits for the large ones of its organization.
   * @throws STORE_UNAVAILABLE when too much is under way, or it has waited for too long
   */
  async pass<T>(orgId: string, size: number, work: () => Promise<T>): Promise<T> {
    const own = this.organizations.get(orgId) ?? 0;
    const max = own === this.underWay ? MAX_ALONE : MAX_BESIDE_OTHERS;
    // One is always let in, however large.
    if (own > 0 && (own + size > max || this.underWay + size > MAX_UNDER_WAY)) throw later();
    this.count(orgId, size);
    try {
      return await (size < LARGE ? work() : this.large.pass(orgId, work, { maxWaitMs: MAX_WAIT_MS }));
    } catch (error) {
      throw error instanceof LanesBusy ? later() : error;
    } finally {
      this.count(orgId, -size);
    }
  }

  private count(orgId: string, size: number): void {
    this.underWay += size;
    const own = (this.organizations.get(orgId) ?? 0) + size;
    if (own > 0) this.organizations.set(orgId, own);
    else this.organizations.delete(orgId);
  }
}

const later = () => commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
