import { FairLanes, Lanes, LanesBusy, type Release } from './lanes';

describe('Lanes', () => {
  /** Work that ends when it is told to. */
  const held = () => {
    let end!: () => void;
    const done = new Promise<void>((resolve) => (end = resolve));
    return { work: () => done, end };
  };

  it('lets so many pass at a time, the others in their order', async () => {
    const lanes = new Lanes(2);
    const works = [held(), held(), held(), held()];
    const started: number[] = [];
    const passes = works.map(({ work }, n) => lanes.pass(() => (started.push(n), work())));
    expect(started).toEqual([0, 1]);
    works[1].end();
    await passes[1];
    await Promise.resolve();
    expect(started).toEqual([0, 1, 2]);
    for (const { end } of works) end();
    await Promise.all(passes);
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('gives a place on after a failure', async () => {
    const lanes = new Lanes(1);
    await expect(lanes.pass(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(lanes.pass(() => Promise.resolve(1))).resolves.toBe(1);
  });

  it('turns away who has waited for too long, and nobody else', async () => {
    const lanes = new Lanes(1);
    const first = held();
    const passing = lanes.pass(first.work);
    await expect(lanes.pass(() => Promise.resolve(), { maxWaitMs: 5 })).rejects.toBeInstanceOf(LanesBusy);
    first.end();
    await passing;
    // The place of who has left is nobody's.
    await expect(lanes.pass(() => Promise.resolve(1))).resolves.toBe(1);
    await expect(lanes.pass(() => Promise.resolve(2))).resolves.toBe(2);
  });
});

describe('FairLanes', () => {
  const settled = () => new Promise(setImmediate);
  /** Takes a lane and writes down who got it. */
  const taker = (lanes: FairLanes) => {
    const order: string[] = [];
    const releases: Release[] = [];
    const take = (who: string, weight?: number) =>
      lanes.take(who, {}, weight).then((release) => {
        order.push(who);
        releases.push(release);
      });
    return { order, releases, take };
  };

  it('gives nobody more than a share, and lets those who wait take turns', async () => {
    const lanes = new FairLanes({ max: 3, each: 2 });
    const { order, releases, take } = taker(lanes);
    for (const who of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) void take(who);
    await settled();
    expect(order).toEqual(['a', 'a', 'b']);
    expect(lanes.waiting).toBe(4);
    for (let n = 0; n < 7; n += 1) {
      releases[n]();
      releases[n]();
      await settled();
    }
    expect(order).toEqual(['a', 'a', 'b', 'a', 'b', 'c', 'a']);
    expect(lanes.waiting).toBe(0);
    expect((lanes as unknown as { queues: Map<string, unknown> }).queues.size).toBe(0);
  });

  it('weighs: what is larger than a share goes alone', async () => {
    const lanes = new FairLanes({ max: 10, each: 5 });
    const { order, releases, take } = taker(lanes);
    void take('a', 20);
    void take('b', 1);
    await settled();
    expect(order).toEqual(['a']);
    releases[0]();
    void take('b', 4);
    void take('b', 1);
    await settled();
    expect(order).toEqual(['a', 'b', 'b']);
    releases[1]();
    await settled();
    expect(order).toEqual(['a', 'b', 'b', 'b']);
  });

  it('turns away who has waited for too long, or comes when too many wait, and passes on what they stood before', async () => {
    const lanes = new FairLanes({ each: 4, maxWaiting: 2 });
    const { order, take } = taker(lanes);
    void take('a', 3);
    const late = lanes.take('a', { maxWaitMs: 5 }, 2);
    void take('a', 1);
    await expect(lanes.take('a')).rejects.toBeInstanceOf(LanesBusy);
    await expect(late).rejects.toBeInstanceOf(LanesBusy);
    await settled();
    expect(order).toEqual(['a', 'a']);
  });
});
