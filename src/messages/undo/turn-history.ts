import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../../threads/target';
import type { Thread } from '../../threads/thread.entity';
import { type Discarded, MessageTrash, type PutBack } from '../remove/message-trash';
import { MessageTrashRepository } from '../remove/message-trash.repository';
import type { MessageRow } from '../message.entity';
import { messageErrors } from '../messages.errors';
import { MessagesRepository } from '../read/messages.repository';

/** The most messages that an answer shows of what an undo or a redo moved. */
const MOST_SHOWN = 1000;

/** The turns of a thread that is held, as undo and redo see them. */
@Injectable()
export class TurnHistory {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly rowsInTrash: MessageTrashRepository,
    private readonly trash: MessageTrash,
  ) {}

  /** Where the last turns begin. @throws NOTHING_TO_UNDO, TURN_IN_PROGRESS: its answer would come without its question */
  async startOf(tx: TenantTx, thread: Thread, turns: number): Promise<number> {
    if (await this.rowsInTrash.hasTurn(tx, thread)) throw turnInProgress();
    const from = await this.rowsInTrash.turnStart(tx, thread, turns);
    if (from === undefined) throw messageErrors.NOTHING_TO_UNDO();
    return from;
  }

  /** The messages from a number on, oldest first. */
  async rows(tx: TenantTx, principal: Principal, target: Target, from: number): Promise<MessageRow[]> {
    const slice = { afterSeq: from - 1, order: 'asc', limit: MOST_SHOWN, offset: 0 } as const;
    return (await this.messages.list(tx, principal, target, slice))?.rows ?? [];
  }

  /** Removes the messages from a number on, and the summaries that reach them, which a redo brings back too. */
  async takeBack(tx: TenantTx, principal: Principal, thread: Thread, from: number): Promise<Discarded> {
    const gone = await this.trash.discard(tx, principal, thread, { from }, 'undone');
    await this.rowsInTrash.takeSummaries(tx, thread, from, gone.removalId);
    return gone;
  }

  /** Brings back the last undo, whole. @throws NOTHING_TO_REDO, MESSAGE_ID_IN_USE */
  async putBack(tx: TenantTx, thread: Thread): Promise<PutBack> {
    const removalId = await this.rowsInTrash.lastUndo(tx, thread);
    if (removalId === undefined) throw messageErrors.NOTHING_TO_REDO();
    await this.rowsInTrash.putSummariesBack(tx, thread, removalId);
    const back = await this.trash.putBack(tx, thread, { removalId });
    if (back.left > 0) throw messageErrors.MESSAGE_ID_IN_USE();
    return back;
  }
}

/** The refusal of what would meddle with an answer that is on its way. */
export const turnInProgress = () => messageErrors.TURN_IN_PROGRESS().with({ headers: { 'retry-after': '1' } });
