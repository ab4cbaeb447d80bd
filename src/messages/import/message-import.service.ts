import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { isObject } from '../../http/request/fields';
import { idAt } from '../../common/ids';
import { type Json, parseTime } from '../../common/json';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads';
import { AppendService } from '../append/append.service';
import type { EarlierMessage } from './message-import.dto';
import { type ImportedMessage, MessageImportRepository } from './message-import.repository';
import type { NewMessage } from '../append/new-message';

export type { ImportedMessage } from './message-import.repository';

/** Messages of one statement. */
const BATCH = 500;

/** How a list of earlier messages is to be read. */
interface EarlierList {
  /** Number of the last message before the list. */
  lastSeq: number;
  /** Time of messages that have none. */
  now: string;
  /** Whether content and metadata stand there as they are stored; a caller's are put into that form. */
  stored: boolean;
}

/** Brings in messages that were stored elsewhere or before: with their numbers and times. */
@Injectable()
export class MessageImportService {
  constructor(
    private readonly appends: AppendService,
    private readonly rows: MessageImportRepository,
  ) {}

  /**
   * Messages that are valid and counted, by the rules of an append. Ids are new: those of the list may be taken by now.
   * @throws VALIDATION_FAILED, METADATA_TOO_LARGE, SENDER_MISMATCH
   */
  async prepare(
    author: Principal,
    inputs: EarlierMessage[],
    { lastSeq, now, stored }: EarlierList,
  ): Promise<ImportedMessage[]> {
    const withoutIds = inputs.map(({ id: _, ...input }) => input);
    let seq = lastSeq;
    // What was exported comes back, also what is longer than a message may be by now.
    const messages = await this.appends.toMessages(author, withoutIds, 'messages', { bytes: Infinity });
    return messages.map((message, i) => {
      seq = seqAfter(seq, inputs[i].seq, i);
      const times = timesOf(inputs[i], now);
      const id = idAt(Date.parse(times.created_at), seq % 2 ** 32);
      // Changed rather than copied: a copy of every message is much where there are a million.
      return Object.assign(message, stored && asStored(inputs[i]), { id, seq }, times);
    });
  }

  /** Stores them on a thread that is being made in `tx`. @param author who imports them, whatever the list says of others (A01) */
  async store(
    tx: TenantTx,
    author: Principal,
    thread: Pick<Thread, 'org_id' | 'id'>,
    messages: ImportedMessage[],
  ): Promise<void> {
    for (let i = 0; i < messages.length; i += BATCH)
      await this.rows.insert(tx, author, thread, messages.slice(i, i + BATCH));
  }
}

function seqAfter(last: number, seq: number | undefined, index: number): number {
  if (seq === undefined) return last + 1;
  if (seq > last) return seq;
  const field = `messages.${index}.seq`;
  throw commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message: `${field} must be above ${last}` }] });
}

function timesOf(input: EarlierMessage, now: string): Pick<ImportedMessage, 'created_at' | 'updated_at'> {
  const created = parseTime(input.created_at) ?? new Date(now);
  const updated = parseTime(input.updated_at) ?? created;
  return {
    created_at: created.toISOString(),
    updated_at: (updated > created ? updated : created).toISOString(),
  };
}

/** Content that is no text stands as it was stored, also where a caller's `content.metadata` would be moved. */
const asStored = ({ content, metadata = {} }: EarlierMessage): Partial<NewMessage> =>
  isObject(content) ? { content: content as Json, metadata } : {};
