import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { MessageRow } from '../message.entity';
import { messageErrors } from '../messages.errors';
import { MessagesRepository } from '../read/messages.repository';
import type { NewMessage } from './new-message';
import { isSameMessage } from './same-message';

type Known = Map<NewMessage, MessageRow>;

/** Finds out which messages of an append are stored already. The thread is locked meanwhile. */
@Injectable()
export class AppendReplay {
  constructor(private readonly messages: MessagesRepository) {}

  /**
   * @param startSeq position of the first message (P54); otherwise messages are known by their ids
   * @throws MESSAGE_ID_CONFLICT, PARTIAL_RETRY, START_SEQ_CONFLICT
   */
  async findKnown(tx: TenantTx, thread: Thread, messages: NewMessage[], startSeq?: number): Promise<Known> {
    const byPosition = startSeq === undefined ? new Map() : await this.findByPosition(tx, thread, messages, startSeq);
    const byId = await this.findById(
      tx,
      thread,
      messages.filter((message) => !byPosition.has(message)),
    );
    return new Map([...byPosition, ...byId]);
  }

  /** @throws TOOL_CALL_UNKNOWN when a result's call is neither in the thread nor earlier in the batch (C50) */
  async checkToolCalls(tx: TenantTx, thread: Thread, messages: NewMessage[]): Promise<void> {
    const called = new Set<string>();
    for (const { tool_call_id: id, tool_calls: calls = [] } of messages) {
      const isKnown =
        id === undefined || called.has(id) || (await this.messages.findToolCalls(tx, thread.org_id, thread.id, id));
      if (!isKnown) throw messageErrors.TOOL_CALL_UNKNOWN(id);
      for (const call of calls) called.add(call.id);
    }
  }

  private async findById(tx: TenantTx, thread: Thread, messages: NewMessage[]): Promise<Known> {
    if (messages.length === 0) return new Map();
    const rows = await this.messages.findStored(
      tx,
      thread.org_id,
      messages.map((message) => message.id),
    );
    const stored = new Map(rows.map((row) => [row.id, row]));
    const known: Known = new Map();
    const seen = new Set<string>();
    for (const message of messages) {
      const row = stored.get(message.id);
      // Without a hash the id is ours, fixed before the first attempt: a row under it is this very message.
      const isSame = row?.thread_id === thread.id && row.request_hash?.toString('hex') === message.request_hash;
      if ((row && !isSame) || seen.has(message.id)) throw messageErrors.MESSAGE_ID_CONFLICT(message.id);
      seen.add(message.id);
      if (row) known.set(message, row);
    }
    const anonymous = messages.some((message) => !known.has(message) && message.request_hash === undefined);
    if (known.size > 0 && anonymous) throw messageErrors.PARTIAL_RETRY();
    return known;
  }

  private async findByPosition(tx: TenantTx, thread: Thread, messages: NewMessage[], startSeq: number): Promise<Known> {
    const start = Math.min(startSeq, thread.message_count);
    const count = Math.min(messages.length, thread.message_count - start);
    if (count === 0) return new Map();
    const beyond = thread.message_count - start - count;
    const rows = await this.messages.findAtEnd(tx, thread.org_id, thread.id, count, beyond);
    rows.forEach((row, i) => {
      if (!isSameMessage(messages[i], row)) throw messageErrors.START_SEQ_CONFLICT(start + i);
    });
    return new Map(rows.map((row, i) => [messages[i], row]));
  }
}
