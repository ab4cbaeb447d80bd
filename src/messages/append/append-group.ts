import type { Principal } from '../../organizations/principal';
import type { Target } from '../../threads/thread-access';
import type { AppendGroup, GroupedRow } from './append-groups.repository';
import type { Appended } from '../read/messages.repository';

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

/** What goes in one transaction at most: it shall not keep those behind it waiting. */
const MOST = { appends: 100, size: 500_000 };

/** Takes those out of `waiting` that go together: the first, and what follows it as far as it fits. */
export function takeGroup(waiting: WaitingAppend[]): OfThread[] {
  const threads = new Map<string, OfThread>();
  let [count, size] = [0, 0];
  for (const append of waiting) {
    const key = keyOf(append);
    const others = threads.get(key);
    size += append.size;
    if (count > 0 && (count === MOST.appends || size > MOST.size)) break;
    if (others && !seesAlike(others[0].principal, append.principal)) break;
    if (others) others.push(append);
    else threads.set(key, [append]);
    count += 1;
  }
  waiting.splice(0, count);
  return [...threads.values()];
}

/** The same user may have keys of several roles, and see more with one than with another. */
const seesAlike = (one: Principal, other: Principal) =>
  one.userId === other.userId && one.seesOrganization === other.seesOrganization;

/** Sessions of two users may have the same name. */
const keyOf = ({ principal, target: { by, id } }: WaitingAppend) =>
  by === 'thread' ? id : JSON.stringify([principal.userId, id]);

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
