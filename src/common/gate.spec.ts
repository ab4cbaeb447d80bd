import { Gate, GateBusy } from './gate';

describe('Gate', () => {
  /** Work that ends when it is told to. */
  const held = () => {
    let end!: () => void;
    const done = new Promise<void>((resolve) => (end = resolve));
    return { work: () => done, end };
  };

  it('lets so many pass at a time, the others in their order', async () => {
    const gate = new Gate(2);
    const works = [held(), held(), held(), held()];
    const started: number[] = [];
    const passes = works.map(({ work }, n) => gate.pass(() => (started.push(n), work())));
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
    const gate = new Gate(1);
    await expect(gate.pass(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(gate.pass(() => Promise.resolve(1))).resolves.toBe(1);
  });

  it('turns away who has waited for too long, and nobody else', async () => {
    const gate = new Gate(1, 5);
    const first = held();
    const passing = gate.pass(first.work);
    await expect(gate.pass(() => Promise.resolve())).rejects.toBeInstanceOf(GateBusy);
    first.end();
    await passing;
    // The place of who has left is nobody's.
    await expect(gate.pass(() => Promise.resolve(1))).resolves.toBe(1);
    await expect(gate.pass(() => Promise.resolve(2))).resolves.toBe(2);
  });
});
