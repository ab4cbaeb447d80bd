import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { newId } from '../common/ids';
import type { TenantTx } from '../database/door/tenant-database';
import { byThread } from '../threads/thread-access';
import type { MessageRow } from '../messages/message.entity';
import { MessagesService } from '../messages/read/messages.service';
import { ThreadCreationService } from '../threads/thread-creation.service';
import type { Thread } from '../threads/thread.entity';
import { ForkingRepository } from './forking.repository';
import { ThreadCopies } from './thread-copies';

/** Makes threads that go on from before a message. */
@Injectable()
export class Branches {
  constructor(
    private readonly messages: MessagesService,
    private readonly creation: ThreadCreationService,
    private readonly copies: ThreadCopies,
    private readonly forks: ForkingRepository,
  ) {}

  /** The message and its thread, to which nobody writes until `tx` ends. @throws MESSAGE_NOT_FOUND */
  async holdSource(tx: TenantTx, principal: Principal, id: string): Promise<{ message: MessageRow; source: Thread }> {
    const { thread_id } = await this.messages.find(tx, principal, id);
    const source = await this.copies.hold(tx, principal, thread_id, byThread(thread_id));
    // Again: somebody may have edited or deleted it before we held its thread.
    return { message: await this.messages.find(tx, principal, id), source };
  }

  /** Copies a thread up to a number into one of the caller's own. @returns its id */
  async fork(tx: TenantTx, principal: Principal, source: Thread, upTo: number): Promise<string> {
    const to = { id: newId(), name: source.name };
    await this.creation.createIn(tx, principal.orgId, [{ ...to, user_id: principal.userId, metadata: {} }]);
    await this.copies.copy(tx, principal, source, to, { up_to_seq: upTo });
    return to.id;
  }

  readonly merge: ForkingRepository['mergeMetadata'] = (tx, metadata, patch) =>
    this.forks.mergeMetadata(tx, metadata, patch);
}
