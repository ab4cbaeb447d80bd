import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { commonErrors } from '../common/errors';
import { newId } from '../common/ids';
import type { TenantTx } from '../database/door/tenant-database';
import {
  byThread,
  notFound,
  type Target,
  type Thread,
  ThreadCreationService,
  ThreadsService,
  type ThreadView,
} from '../threads';
import { MessagesService } from '../messages';
import { type Cut, type Fork, ForkingRepository } from './forking.repository';

/** Where a request wants a copy to end. At most one of them. */
interface UpTo {
  up_to_message_id?: string;
  up_to_seq?: number;
  at_turn?: number;
}

/** Copies threads, inside transactions that are given. */
@Injectable()
export class ThreadCopies {
  constructor(
    private readonly forks: ForkingRepository,
    private readonly messages: MessagesService,
    private readonly creation: ThreadCreationService,
    private readonly threads: ThreadsService,
  ) {}

  /**
   * Nobody writes to the thread until `tx` ends, so that what is read of it belongs together.
   * @param target as the request named it, for the error
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND
   */
  async hold(tx: TenantTx, principal: Principal, threadId: string, target: Target): Promise<Thread> {
    const source = await this.forks.hold(tx, principal, threadId);
    if (!source) throw notFound(target);
    return source;
  }

  /** Copies a held thread into a new one of the caller's, which becomes the current one. @throws MESSAGE_NOT_FOUND */
  async copyToNew(tx: TenantTx, principal: Principal, source: Thread, name: string, upTo: UpTo): Promise<ThreadView> {
    const to = { id: newId(), name };
    await this.creation.createIn(tx, principal.orgId, [{ ...to, user_id: principal.userId, metadata: {} }]);
    await this.copy(tx, principal, source, to, upTo);
    return this.threads.getIn(tx, principal, byThread(to.id));
  }

  /**
   * Fills a thread that is there, and empty. A cut is where the caller wants it, also between a tool call and its result.
   * @throws MESSAGE_NOT_FOUND, VALIDATION_FAILED for a cut behind the last entry
   */
  async copy(
    tx: TenantTx,
    principal: Principal,
    source: Thread,
    to: Pick<Fork, 'id' | 'name'>,
    upTo: UpTo,
  ): Promise<void> {
    const cut = await this.cutOf(tx, principal, source, upTo);
    const fork = { ...to, source, cut };
    const { forked_from_seq: last } = await this.forks.copyThread(tx, fork);
    const isCut = cut.seq !== undefined || cut.count !== undefined;
    await this.forks.copySummaries(tx, fork, isCut ? last : undefined);
  }

  /** What a session has beside its thread. */
  copySettings(tx: TenantTx, source: Thread, id: string): Promise<void> {
    return this.forks.copySettings(tx, { source, id });
  }

  private async cutOf(
    tx: TenantTx,
    principal: Principal,
    source: Thread,
    { up_to_message_id: id, up_to_seq: seq, at_turn: count }: UpTo,
  ): Promise<Cut> {
    if (count !== undefined && count > source.message_count) {
      throw refused('at_turn', `at_turn is ${count}, and there are ${source.message_count} entries`);
    }
    return id === undefined ? { seq, count } : { seq: (await this.messages.findIn(tx, principal, source.id, id)).seq };
  }
}

/** @throws VALIDATION_FAILED */
export function checkUpTo({ up_to_message_id, up_to_seq, at_turn }: UpTo): void {
  if ([up_to_message_id, up_to_seq, at_turn].filter((value) => value !== undefined).length <= 1) return;
  const other = at_turn === undefined ? 'up_to_seq' : 'at_turn';
  throw refused(other, `only one of up_to_message_id and ${other} can be given`);
}

const refused = (field: string, message: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message }] });
