import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';

/**
 * How many exports may hold a connection to the database at once: a quarter of them. A long conversation is read on one
 * snapshot, at its reader's pace, and slow readers must not take the connections of everybody else.
 */
@Injectable()
export class ExportSlots {
  private readonly waiting: (() => void)[] = [];
  private free: number;

  constructor(@Inject(CONFIG) { env }: Config) {
    this.free = Math.max(1, Math.floor((env.DB_POOL_SIZE + env.DB_MAX_OVERFLOW) / 4));
  }

  /** Runs work when it is its turn. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
