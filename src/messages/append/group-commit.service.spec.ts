import { bySession, byThread } from '../../threads/target';
import { makePrincipal } from '../../organizations/principal';
import { outcomes, takeGroup, toStatement, type WaitingAppend } from './group-commit.service';

const waiting = (threadId: string, count = 1, fields: Partial<WaitingAppend> = {}): WaitingAppend => ({
  principal: makePrincipal('acme', 'alice', 'member'),
  target: byThread(threadId),
  messages: Array.from({ length: count }, (_, n) => `{"n":${n}}`),
  tokens: count * 10,
  size: count * 7,
  settle: () => undefined,
  fail: () => undefined,
  ...fields,
});

describe('A group of appends', () => {
  it('takes all that wait, by thread, in their order', () => {
    const all = [waiting('a'), waiting('b'), waiting('a', 2), waiting('c')];
    const queue = [...all];
    expect(takeGroup(queue)).toEqual([[all[0], all[2]], [all[1]], [all[3]]]);
    expect(queue).toEqual([]);
  });

  it('is bounded by number and by size, but for the first', () => {
    const many = Array.from({ length: 250 }, (_, n) => waiting(`${n % 7}`));
    expect([1, 2, 3].map(() => takeGroup(many).flat().length)).toEqual([100, 100, 50]);
    const large = [waiting('a', 1, { size: 2_000_000 }), waiting('b'), waiting('c', 1, { size: 499_999 })];
    expect([1, 2, 3].map(() => takeGroup(large).flat().length)).toEqual([1, 1, 1]);
  });

  it('has one principal for a thread: another one’s append goes with the next, and nobody overtakes it', () => {
    const bob = { principal: makePrincipal('acme', 'bob', 'member') };
    const queue = [waiting('a'), waiting('a', 1, bob), waiting('a'), waiting('b')];
    expect(takeGroup(queue)).toHaveLength(1);
    expect(takeGroup(queue)[0][0].principal.userId).toBe('bob');
    expect(takeGroup(queue).flat()).toHaveLength(2);
  });

  it('keeps sessions of one name apart: each is its own user’s', () => {
    const bob = { principal: makePrincipal('acme', 'bob', 'member') };
    const target = bySession('support');
    const queue = [waiting('', 1, { target }), waiting('', 1, { target, ...bob }), waiting('', 1, { target })];
    expect(takeGroup(queue).map((appends) => appends.map(({ principal }) => principal.userId))).toEqual([
      ['alice', 'alice'],
      ['bob'],
    ]);
  });

  it('asks for each thread once, with all that comes to it', () => {
    const { threads, messages } = toStatement(takeGroup([waiting('a'), waiting('b', 3), waiting('a', 2)]));
    expect(threads.map(({ target, writes, messages: count, tokens }) => [target.id, writes, count, tokens])).toEqual([
      ['a', 2, 3, 30],
      ['b', 1, 3, 30],
    ]);
    expect(messages).toEqual(['{"n":0}', '{"n":0}', '{"n":1}', '{"n":0}', '{"n":1}', '{"n":2}']);
  });

  it('tells each append what the thread was right after it', () => {
    const appends = [waiting('a'), waiting('a', 3), waiting('a', 2)];
    const row = { n: 0, thread_id: 'a', base: 4, message_count: 9, version: 20, token_count: 160 };
    const all = outcomes(appends, { ...row, updated_at: new Date(0), auto_summarize: null });
    expect(
      all.map(({ base, message_count, version, token_count }) => [base, message_count, version, token_count]),
    ).toEqual([
      [4, 4, 18, 110],
      [5, 7, 19, 140],
      [8, 9, 20, 160],
    ]);
  });
});
