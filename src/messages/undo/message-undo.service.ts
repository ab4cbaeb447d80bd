import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { checkVersion, precondition } from '../../http/request/versions';
import type { TenantTx } from '../../database/door/tenant-database';
import { byThread, checkTarget, type Target } from '../../threads/target';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import type { IdempotencyKey } from '../../idempotency/idempotency-key';
import type { Thread } from '../../threads/thread.entity';
import { MessageThreads } from '../edit/message-threads';
import type { RedoneTurns, RedoTurns, UndoneTurns, UndoTurns } from '../remove/message-trash.dto';
import { toMessageView } from '../message-views';
import { TurnHistory } from './turn-history';

export { turnInProgress } from './turn-history';

/** What an undo or a redo says beside its body. */
export interface UndoOptions {
  ifMatch?: number;
  idempotencyKey?: IdempotencyKey;
}

/** Takes back the last turns of a conversation, and brings them back (N34). */
@Injectable()
export class MessageUndoService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly threads: MessageThreads,
    private readonly history: TurnHistory,
  ) {}

  /**
   * Removes the last message of a user and all that follows it: answers, tool calls and their results. What stands before the
   * first message of a user is no turn. Summaries of what goes are forgotten.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE, NOTHING_TO_UNDO, TURN_IN_PROGRESS, PRECONDITION_FAILED,
   *   VERSION_CONFLICT, IDEMPOTENCY_KEY_REUSED
   */
  undo(
    principal: Principal,
    target: Target,
    body: UndoTurns,
    { ifMatch, idempotencyKey }: UndoOptions,
  ): Promise<UndoneTurns> {
    checkTarget(target);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.threads.hold(tx, principal, target);
      checkVersion(precondition(ifMatch, body), thread.version);
      return this.undoIn(tx, principal, thread, body.turns ?? 1);
    });
  }

  /**
   * Brings back what the last undo removed, unless something was appended since: one undo after the other.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE, NOTHING_TO_REDO, MESSAGE_ID_IN_USE, PRECONDITION_FAILED,
   *   VERSION_CONFLICT, IDEMPOTENCY_KEY_REUSED
   */
  redo(
    principal: Principal,
    target: Target,
    body: RedoTurns,
    { ifMatch, idempotencyKey }: UndoOptions,
  ): Promise<RedoneTurns> {
    checkTarget(target);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.threads.hold(tx, principal, target);
      checkVersion(precondition(ifMatch, body), thread.version);
      const { message_count: total, version, seqs } = await this.history.putBack(tx, thread);
      const rows = await this.history.rows(tx, principal, byThread(thread.id), seqs[0]);
      return { restored: seqs.length, total, version, messages: rows.map(toMessageView) };
    });
  }

  private async undoIn(tx: TenantTx, principal: Principal, thread: Thread, turns: number): Promise<UndoneTurns> {
    const from = await this.history.startOf(tx, thread, turns);
    const rows = await this.history.rows(tx, principal, byThread(thread.id), from);
    const {
      removed,
      removalId,
      message_count: total,
      version,
    } = await this.history.takeBack(tx, principal, thread, from);
    return { removed, remaining: total, total, version, removal_id: removalId, messages: rows.map(toMessageView) };
  }
}
