import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Whether this instance still wants requests: it serves, then leaves its load balancer, then stops. It never turns back. */
@Injectable()
export class Lifecycle implements OnModuleDestroy {
  private phase: 'serving' | 'leaving' | 'stopping' = 'serving';

  /** Whether readiness is 503 and answers end their connection; requests that come all the same are still served. */
  get leaving(): boolean {
    return this.phase !== 'serving';
  }

  /** Whether new requests are refused; those under way go on. */
  get stopping(): boolean {
    return this.phase === 'stopping';
  }

  leave(): void {
    if (this.phase === 'serving') this.phase = 'leaving';
  }

  stop(): void {
    this.phase = 'stopping';
  }

  /** Nest calls this before it closes the listener: an app closed without `stop()` behaves alike. */
  onModuleDestroy(): void {
    this.stop();
  }
}
