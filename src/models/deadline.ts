import { modelErrors } from './models.errors';

/** One signal for both ends of patience: ours and the client's. To be cleared when the answer is there. */
export class Deadline {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly end: number;
  private expired = false;

  constructor(
    private readonly milliseconds: number,
    private readonly client?: AbortSignal,
  ) {
    client?.throwIfAborted();
    this.end = performance.now() + milliseconds;
    client?.addEventListener('abort', this.stop);
    this.timer = setTimeout(() => {
      this.expired = true;
      this.stop();
    }, milliseconds);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Milliseconds until it ends. */
  readonly left = (): number => this.end - performance.now();

  /** @throws MODEL_TIMEOUT, or the client's own reason */
  throwIfOver(): void {
    if (this.expired) throw modelErrors.MODEL_TIMEOUT(this.milliseconds);
    this.client?.throwIfAborted();
  }

  /** Also ends a request that was given up half-way. */
  clear(): void {
    clearTimeout(this.timer);
    this.client?.removeEventListener('abort', this.stop);
    this.stop();
  }

  private readonly stop = () => this.controller.abort();
}
