import { Lanes, LanesBusy } from './lanes';

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
