import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../../threads/thread-access';
import { AppendEventsService } from './append-events.service';
import { type Appended, MessagesRepository } from '../read/messages.repository';
import type { NewMessage } from './new-message';

/** The append of one caller, of which others learn once it is committed. */
@Injectable()
export class AppendStore {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly events: AppendEventsService,
  ) {}

  /** @returns `undefined` when the thread is not in sight or at another version */
  async append(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    messages: NewMessage[],
    version?: number,
  ): Promise<Appended | undefined> {
    const done = await this.messages.append(tx, principal, target, messages, version);
    if (done) this.events.announce(tx, principal, done);
    return done;
  }
}
