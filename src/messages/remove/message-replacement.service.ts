import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { isDuplicate } from '../../database/door/database.errors';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads';
import type { ThreadCounts } from '../append/append-writer';
import { AppendService } from '../append/append.service';
import { isUnchanged, type NewMessage } from '../append/new-message';
import type { MessageInput } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { MessagesService } from '../read/messages.service';
import { MessageRemovals } from './message-removals';
import type { SeqRange } from './message-removals.repository';

/** What a thread counts after a range of it became one message. */
type Replaced = ThreadCounts & { id: string; token_count: number };

/** Messages that are to be those of a thread, as they were sent and as they would be stored. */
interface NewHistory {
  inputs: MessageInput[];
  messages: NewMessage[];
}

/** Puts messages in the place of others, in a thread that a transaction of another service holds. */
@Injectable()
export class MessageReplacementService {
  constructor(
    private readonly messages: MessagesService,
    private readonly appends: AppendService,
    private readonly removals: MessageRemovals,
  ) {}

  /**
   * What `replaceHistory` takes; before its transaction, since counting takes its time.
   * @throws VALIDATION_FAILED, METADATA_TOO_LARGE, MESSAGE_TOO_LARGE, SENDER_MISMATCH
   */
  async prepare(principal: Principal, inputs: MessageInput[]): Promise<NewHistory> {
    return { inputs, messages: await this.appends.toMessages(principal, inputs, 'history') };
  }

  /**
   * Makes the thread's messages those of a list. Leading messages that are equal stay, with their ids and times; from the
   * first difference on, the old ones go and the new ones are appended (C19).
   * @throws MESSAGE_ID_CONFLICT
   */
  async replaceHistory(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    { inputs, messages }: NewHistory,
  ): Promise<void> {
    const rows = await this.messages.rows(tx, principal, thread.id);
    const kept = rows.findIndex((row, i) => i >= messages.length || !isUnchanged(inputs[i], messages[i], row));
    const keep = kept === -1 ? rows.length : kept;
    if (keep < rows.length) await this.removals.deleteFrom(tx, thread, rows[keep].seq);
    try {
      await this.appends.storeIn(tx, principal, thread, messages.slice(keep));
    } catch (error) {
      if (!isDuplicate(error, 'messages_id_key')) throw error;
      throw messageErrors.MESSAGE_ID_CONFLICT(idIn(error));
    }
  }

  /**
   * Puts one message in the place of a range; the counters stay exact (C40). The message gets the number of the last one
   * that goes, so that what comes after it stays as it is: the one case in which a number is given twice.
   * @returns the thread's counts then, and the message's id and tokens
   */
  async replaceBySummary(
    tx: TenantTx,
    principal: Principal,
    thread: Thread,
    range: Required<SeqRange>,
    input: MessageInput,
  ): Promise<Replaced> {
    const [message] = await this.appends.toMessages(principal, [input]);
    const counts = await this.removals.replaceRange(tx, principal, thread, range, message);
    return { id: message.id, token_count: message.token_count, ...counts };
  }
}

/** PostgreSQL says which key is there already. */
const idIn = (error: unknown) =>
  /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec((error as { detail?: string }).detail ?? '')?.[0] ?? 'of a message';
