import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Whether this instance still wants requests. It turns once, at the start of the shutdown. */
@Injectable()
export class Lifecycle implements OnModuleDestroy {
  private stopped = false;

  get stopping(): boolean {
    return this.stopped;
  }

  /** From here on readiness is 503 and new requests are refused; those under way go on. */
  stop(): void {
    this.stopped = true;
  }

  /** Nest calls this before it closes the listener: an app closed without `stop()` behaves alike. */
  onModuleDestroy(): void {
    this.stop();
  }
}
