import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Target, Thread } from '../../threads';
import { HeldThreads, type WriteOptions } from '../edit/held-threads';
import type { MessageView } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { MessagesService } from '../read/messages.service';
import { messageViewOf, type SessionMessage } from '../read/session-message.dto';
import { MessageRemovals } from '../remove/message-removals';
import type { RedoneTurns, RedoTurns, UndoneTurns, UndoTurns } from './message-undo.dto';
import { MessageUndoRepository } from './message-undo.repository';

/** The most messages that an answer shows of what an undo or a redo moved. */
const MAX_SHOWN = 1000;

/** An answer whose messages have the form of the route. */
type Shown<T> = Omit<T, 'messages'> & { messages: (MessageView | SessionMessage)[] };

/** Takes back the last turns of a conversation, and brings them back (N34). */
@Injectable()
export class MessageUndoService {
  constructor(
    private readonly threads: HeldThreads,
    private readonly messages: MessagesService,
    private readonly removals: MessageRemovals,
    private readonly turns: MessageUndoRepository,
  ) {}

  /**
   * Removes the last message of a user and all that follows it: answers, tool calls and their results. What stands before the
   * first message of a user is no turn. Summaries of what goes are forgotten until a redo.
   * @throws NOTHING_TO_UNDO, TURN_IN_PROGRESS, and what `HeldThreads.write` throws
   */
  undo(principal: Principal, target: Target, body: UndoTurns, options: WriteOptions): Promise<Shown<UndoneTurns>> {
    return this.threads.write(principal, target, body, options, async (tx, thread) => {
      const from = await this.startOf(tx, thread, body.turns ?? 1);
      const messages = await this.shown(tx, principal, target, thread, from);
      const gone = await this.removals.discard(tx, principal, thread, { from }, 'undone');
      await this.turns.takeSummaries(tx, thread, from, gone.removalId);
      const { removed, removalId: removal_id, message_count: total, version } = gone;
      return { removed, remaining: total, total, version, removal_id, messages };
    });
  }

  /**
   * Brings back what the last undo removed, unless something was appended since: one undo after the other.
   * @throws NOTHING_TO_REDO, MESSAGE_ID_IN_USE, and what `HeldThreads.write` throws
   */
  redo(principal: Principal, target: Target, body: RedoTurns, options: WriteOptions): Promise<Shown<RedoneTurns>> {
    return this.threads.write(principal, target, body, options, async (tx, thread) => {
      const removalId = await this.turns.lastUndo(tx, thread);
      if (removalId === undefined) throw messageErrors.NOTHING_TO_REDO();
      await this.turns.putSummariesBack(tx, thread, removalId);
      const back = await this.removals.putBack(tx, thread, { removalId });
      if (back.left > 0) throw messageErrors.MESSAGE_ID_IN_USE();
      const { message_count: total, version, seqs } = back;
      return {
        restored: seqs.length,
        total,
        version,
        messages: await this.shown(tx, principal, target, thread, seqs[0]),
      };
    });
  }

  /** Where the last turns begin. @throws NOTHING_TO_UNDO, TURN_IN_PROGRESS: its answer would come without its question */
  private async startOf(tx: TenantTx, thread: Thread, turns: number): Promise<number> {
    if (await this.turns.hasTurn(tx, thread)) throw turnInProgress();
    const from = await this.turns.turnStart(tx, thread, turns);
    if (from === undefined) throw messageErrors.NOTHING_TO_UNDO();
    return from;
  }

  /** The messages from a number on, oldest first, in the form of the route. */
  private async shown(tx: TenantTx, principal: Principal, { by }: Target, thread: Thread, from: number) {
    const rows = await this.messages.rows(tx, principal, thread.id, { from }, MAX_SHOWN);
    return rows.map(messageViewOf({ by }));
  }
}

/** The refusal of what would meddle with an answer that is on its way. */
export const turnInProgress = () => messageErrors.TURN_IN_PROGRESS().with({ headers: { 'retry-after': '1' } });
