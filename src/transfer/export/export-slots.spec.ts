import { setImmediate as breathe } from 'node:timers/promises';
import type { Config } from '../../config/config';
import type { Release } from '../../common/lanes';
import { ExportSlots } from './export-slots';

/** With four slots: two of an organization. */
const slots = () => new ExportSlots({ env: { DB_POOL_SIZE: 6, DB_MAX_OVERFLOW: 10 } } as Config);
const of = (orgId: string, userId: string) => ({ orgId, userId });

describe('Slots of exports', () => {
  it('F45 a user has one, an organization the half; others pass those who wait', async () => {
    const all = slots();
    const first = await all.take(of('a', 'alice'));
    let again: Release | undefined;
    void all.take(of('a', 'alice')).then((release) => (again = release));
    const second = await all.take(of('a', 'bob'));
    let third: Release | undefined;
    void all.take(of('a', 'carol')).then((release) => (third = release));
    await all.take(of('b', 'alice'));
    expect(all.waiting).toBe(2);
    second();
    await breathe();
    expect([again, third]).toEqual([undefined, expect.any(Function)]);
    first();
    first();
    await breathe();
    expect([again, all.waiting]).toEqual([expect.any(Function), 0]);
  });

  it('F45 all of them together have an end', async () => {
    const all = slots();
    const held = [await all.take(of('a', '1')), await all.take(of('b', '1'))];
    held.push(await all.take(of('c', '1')), await all.take(of('d', '1')));
    const waiting = [1, 2].map(() => all.take(of('e', '1')));
    expect(all.waiting).toBe(2);
    held[0]();
    (await waiting[0])();
    await waiting[1];
  });

  it('F45 who waits too long is told to come back, and who has left takes no place', async () => {
    const all = slots();
    const release = await all.take(of('a', 'alice'));
    const leaving = new AbortController();
    const left = all.take(of('a', 'alice'), { gone: leaving.signal });
    const late = all.take(of('a', 'alice'), { maxWaitMs: 1 });
    const refused = expect(late).rejects.toMatchObject({
      code: 'TOO_MANY_EXPORTS',
      status: 429,
      headers: { 'retry-after': expect.any(String) },
    });
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await refused;
    expect(all.waiting).toBe(0);
    release();
    // Neither of them was given what was free again.
    (await all.take(of('a', 'alice'), { maxWaitMs: 1 }))();
    await expect(all.take(of('a', 'alice'), { gone: leaving.signal })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
