import { setImmediate as breathe } from 'node:timers/promises';

/** How long work of many steps may go on before others get their turn. */
const STRIDE_MS = 10;

/** Work of many steps that holds nobody up: `if (pace.isDue) await pace.rest()` between two of them. */
export class Pace {
  private since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.since > STRIDE_MS;
  }

  async rest(): Promise<void> {
    await breathe();
    this.since = performance.now();
  }
}
