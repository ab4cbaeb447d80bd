import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { CONFIG, type Config } from '../../config/config';
import { connectionsOf } from '../../config/process-shares';
import { transferErrors } from '../transfer.errors';

type Holder = Pick<Principal, 'orgId' | 'userId'>;

/** How somebody waits. */
interface Waiting {
  /** Aborted when it is not wanted any more. */
  gone?: AbortSignal;
  /** The longest wait, after which it is given up; by default there is none. */
  atMostMs?: number;
}

/** Gives a slot back; a second time does nothing. */
export type Release = () => void;

interface Waiter {
  holder: Holder;
  admit(): void;
}

/**
 * How many exports may hold a connection to the database at once: a quarter of them. A long conversation is read at its
 * reader's pace, and slow readers must not take the connections of everybody else: a user has one slot, an organization
 * the half of them. Who waits is served in turn, passing those whose slots are taken.
 */
@Injectable()
export class ExportSlots {
  private readonly most: number;
  private readonly holders = new Set<Holder>();
  private readonly waiters = new Set<Waiter>();

  constructor(@Inject(CONFIG) { env }: Config) {
    this.most = Math.max(1, Math.floor(connectionsOf(env) / 4));
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.waiters.size;
  }

  /** @throws TOO_MANY_EXPORTS after the longest wait, BAD_REQUEST when it is not wanted any more */
  async take(principal: Holder, waiting: Waiting = {}): Promise<Release> {
    const holder = { orgId: principal.orgId, userId: principal.userId };
    if (waiting.gone?.aborted) throw left();
    if (this.isFree(holder)) this.holders.add(holder);
    else await this.wait(holder, waiting);
    return () => {
      if (this.holders.delete(holder)) this.admitNext();
    };
  }

  private wait(holder: Holder, { gone, atMostMs }: Waiting): Promise<void> {
    return new Promise((resolve, reject) => {
      // At once, not in a turn of its own: whoever is asked next must find it settled.
      const settle = (end: () => void) => {
        clearTimeout(timer);
        gone?.removeEventListener('abort', leave);
        this.waiters.delete(waiter);
        end();
      };
      const leave = () => settle(() => reject(left()));
      const timer = atMostMs === undefined ? undefined : setTimeout(() => settle(() => reject(tooMany())), atMostMs);
      const admit = () => {
        this.holders.add(holder);
        settle(resolve);
      };
      const waiter = { holder, admit };
      gone?.addEventListener('abort', leave);
      this.waiters.add(waiter);
    });
  }

  private admitNext(): void {
    for (const waiter of this.waiters) {
      if (this.holders.size >= this.most) return;
      if (this.isFree(waiter.holder)) waiter.admit();
    }
  }

  private isFree({ orgId, userId }: Holder): boolean {
    if (this.holders.size >= this.most) return false;
    const ofOrganization = [...this.holders].filter((holder) => holder.orgId === orgId);
    const isFull = ofOrganization.length >= Math.max(1, Math.floor(this.most / 2));
    return !isFull && !ofOrganization.some((holder) => holder.userId === userId);
  }
}

const left = () => commonErrors.BAD_REQUEST('The client left before its turn came.');

const tooMany = () => transferErrors.TOO_MANY_EXPORTS().with({ headers: { 'retry-after': '10' } });
