import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Appended } from '../read/messages.repository';

/** Messages were appended, and committed. */
export interface AppendEvent extends Pick<Appended, 'thread_id' | 'message_count' | 'token_count' | 'auto_summarize'> {
  /** Who appended. */
  principal: Principal;
}

export type AppendListener = (event: AppendEvent) => void;

/** Tells others in this process of appends. Nobody waits for them, and no append fails with them. */
@Injectable()
export class AppendEventsService {
  private readonly logger = new Logger('Appends');
  private readonly listeners = new Set<AppendListener>();

  /** A listener does its work later: what it does at once delays the answer. */
  listen(listener: AppendListener): void {
    this.listeners.add(listener);
  }

  /** Tells the listeners once `tx` is committed. An event may be lost with the process, or with the connection. */
  announce(tx: TenantTx, principal: Principal, appended: Appended): void {
    const { thread_id, message_count, token_count, auto_summarize } = appended;
    const event = { principal, thread_id, message_count, token_count, auto_summarize };
    tx.afterCommit(() => this.tell(event));
  }

  private tell(event: AppendEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error(error);
      }
    }
  }
}
