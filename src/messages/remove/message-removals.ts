import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { newId } from '../../common/ids';
import { CONFIG, type Config } from '../../config/config';
import { isDuplicate } from '../../database/door/database.errors';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads';
import type { ThreadCounts } from '../append/append-writer';
import { authorOf, type NewMessage } from '../append/new-message';
import { HeldThreads } from '../edit/held-threads';
import { messageErrors } from '../messages.errors';
import type { RemovalReason } from './deleted-message.entity';
import { MessageRemovalsRepository, type Older, type Removed, type SeqRange } from './message-removals.repository';
import { MessageTrashRepository, type Trashed } from './message-trash.repository';

/** What a removal was: under which id it can be restored, unless it was final. */
interface Discarded extends ThreadCounts {
  removed: number;
  removalId: string | null;
}

/** What came back, and how many of what should have stay in the trash: their ids are in use again. */
interface PutBack extends ThreadCounts {
  seqs: number[];
  left: number;
}

/** Takes messages out of a thread that is held, and brings them back; its counters stay exact (C40). */
@Injectable()
export class MessageRemovals {
  constructor(
    private readonly messages: MessageRemovalsRepository,
    private readonly trash: MessageTrashRepository,
    private readonly threads: HeldThreads,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** To the trash; for good where nothing is kept there. */
  async discard(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    range: SeqRange,
    reason: RemovalReason,
  ): Promise<Discarded> {
    if (this.config.env.TRASH_RETENTION_DAYS === 0) return this.deleteRange(tx, thread, range);
    const removal = { id: newId(), reason, by: principal.userId };
    return this.booked(tx, thread, await this.trash.move(tx, thread, range, removal), removal.id);
  }

  /** For good, at once. Summaries of them stay. @param older only those of the range; absent: all */
  async deleteRange(tx: TenantTx, thread: Thread, range: SeqRange, older?: Older): Promise<Discarded> {
    return this.booked(tx, thread, await this.messages.delete(tx, thread, range, older), null);
  }

  /** For good, from a number on, where others take their place; and what was said of them in summaries. */
  async deleteFrom(tx: TenantTx, thread: Thread, seq: number): Promise<void> {
    await this.messages.forgetSummaries(tx, thread, seq);
    await this.trash.endRedo(tx, thread);
    await this.deleteRange(tx, thread, { from: seq });
  }

  /** All messages, and what summaries say of them. With `erase` what is in the trash too. */
  async clear(tx: TenantTx, principal: Principal, thread: Thread, erase: boolean): Promise<Discarded> {
    await this.messages.forgetSummaries(tx, thread, 0);
    await this.trash.endRedo(tx, thread);
    if (!erase) return this.discard(tx, principal, thread, {}, 'cleared');
    await this.trash.erase(tx, thread);
    return this.deleteRange(tx, thread, {});
  }

  /** Puts one message in the place of a range, which goes for good. @returns the counts then */
  async replaceRange(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    range: Required<SeqRange>,
    message: NewMessage,
  ): Promise<ThreadCounts> {
    const gone = await this.messages.delete(tx, thread, range);
    const change = { messages: 1 - gone.messages, tokens: message.token_count - gone.tokens };
    const counted = { ...change, costAdded: message.cost, costRemoved: gone.cost };
    const counts = await this.threads.book(tx, thread, 'reset', gone.seqs, counted);
    await this.messages.insertAt(tx, thread, range.to, { ...message, ...authorOf(principal) });
    return counts;
  }

  /** What is in the trash already, of a message or of all: for good. A redo could bring back no more than a part. */
  async eraseTrash(tx: TenantTx, thread: Thread, messageId?: string): Promise<number> {
    const erased = await this.trash.erase(tx, thread, messageId);
    if (erased > 0) await this.trash.endRedo(tx, thread);
    return erased;
  }

  /** Back to their places, but for what has its id in use again. @throws MESSAGE_ID_IN_USE when somebody takes an id just now */
  async putBack(tx: TenantTx, thread: Thread, which: Trashed): Promise<PutBack> {
    const back = await this.trash.putBack(tx, thread, which).catch((error: unknown) => {
      throw isDuplicate(error, 'messages_id_key') ? messageErrors.MESSAGE_ID_IN_USE() : error;
    });
    const { seqs, left } = back;
    if (seqs.length === 0) return { message_count: thread.message_count, version: thread.version, seqs, left };
    const change = { messages: back.messages, tokens: back.tokens, costAdded: back.cost };
    return { ...(await this.threads.book(tx, thread, 'restored', seqs, change)), seqs, left };
  }

  private async booked(tx: TenantTx, thread: Thread, gone: Removed, removalId: string | null): Promise<Discarded> {
    const { message_count, version } = thread;
    if (gone.messages === 0) return { message_count, version, removed: 0, removalId: null };
    const change = { messages: -gone.messages, tokens: -gone.tokens, costRemoved: gone.cost };
    const counts = await this.threads.book(tx, thread, 'deleted', gone.seqs, change);
    return { ...counts, removed: gone.messages, removalId };
  }
}
