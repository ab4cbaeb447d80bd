import type { Worker } from 'node:cluster';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { InstanceMetrics } from './instance-metrics';

/** A worker that hands over its metrics when it is told to, unless it hangs. */
class FakeWorker {
  private readonly registry = new Registry();
  private readonly registers = [this.registry];
  readonly requests = new Counter({ name: 'requests', help: 'x', labelNames: ['route'], registers: this.registers });
  readonly times = new Histogram({ name: 'times', help: 'x', buckets: [1, 2], registers: this.registers });
  readonly open = new Gauge({ name: 'open', help: 'x', registers: this.registers });
  readonly lag = new Gauge({ name: 'lag', help: 'x', aggregator: 'max', registers: this.registers });
  readonly worker: Worker;
  hangs = false;
  fails = false;

  constructor(id: number, metrics: InstanceMetrics) {
    const send = () => {
      if (this.fails) metrics.take(this.worker, undefined);
      else if (!this.hangs) void this.registry.getMetricsAsJSON().then((json) => metrics.take(this.worker, json));
    };
    this.worker = { id, send } as unknown as Worker;
  }
}

describe('The metrics of an instance', () => {
  let metrics: InstanceMetrics;
  let fakes: FakeWorker[];
  const read = async () => (await metrics.read(fakes.map(({ worker }) => worker))).split('\n');

  beforeEach(() => {
    metrics = new InstanceMetrics();
    fakes = [1, 2, 3].map((id) => new FakeWorker(id, metrics));
    for (const [n, fake] of fakes.entries()) {
      fake.requests.inc({ route: '/a' }, 10 * (n + 1));
      fake.times.observe(n + 0.5);
      fake.open.set(n + 1);
      fake.lag.set(n + 1);
    }
  });

  it('are added up, and gauges as each of them says', async () => {
    expect(await read()).toEqual(
      expect.arrayContaining([
        ...['requests{route="/a"} 60', 'open 6', 'lag 3'],
        ...['times_bucket{le="1"} 1', 'times_bucket{le="2"} 2', 'times_bucket{le="+Inf"} 3', 'times_count 3'],
      ]),
    );
  });

  it('keep what those have counted that are gone, also two at once, and forget their gauges', async () => {
    await read();
    for (const { worker } of fakes.splice(0, 2)) metrics.leave(worker);
    expect(await read()).toEqual(expect.arrayContaining(['requests{route="/a"} 60', 'times_count 3', 'open 3']));
    const successor = new FakeWorker(4, metrics);
    fakes.push(successor);
    successor.requests.inc({ route: '/a' }, 5);
    expect(await read()).toContain('requests{route="/a"} 65');
    metrics.leave(fakes.pop()!.worker);
    expect(await read()).toContain('requests{route="/a"} 65');
  });

  it('do not wait for one that hangs, nor for one that ends; the last ones count', async () => {
    await read();
    fakes[0].hangs = true;
    fakes[1].requests.inc({ route: '/a' }, 7);
    expect(await read()).toContain('requests{route="/a"} 67');
    fakes[1].hangs = true;
    const reading = read();
    for (const { worker } of fakes.slice(0, 2)) metrics.leave(worker);
    expect(await reading).toContain('requests{route="/a"} 67');
  });

  it('do not fall when one can not read its own', async () => {
    await read();
    fakes[0].fails = true;
    expect(await read()).toContain('requests{route="/a"} 60');
  });

  it('count on when what one has handed over makes no sense', async () => {
    const nonsense = new FakeWorker(4, metrics);
    metrics.take(nonsense.worker, [{ name: 'open' }] as never);
    metrics.leave(nonsense.worker);
    expect(await read()).toContain('requests{route="/a"} 60');
    metrics.leave(fakes.shift()!.worker);
    expect(await read()).toContain('requests{route="/a"} 60');
  });

  it('are nothing before there is a worker', async () => {
    expect(await new InstanceMetrics().read([])).toBe('\n');
  });
});
