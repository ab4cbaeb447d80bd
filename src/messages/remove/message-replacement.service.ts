import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { isDuplicate } from '../../database/door/database.errors';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import { AppendService } from '../append/append.service';
import { MessageRemovalsService } from './message-removals.service';
import type { MessageInput } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { MessagesService } from '../read/messages.service';
import { isUnchanged } from '../append/new-message';

/** Makes a thread's messages those of a list. */
@Injectable()
export class MessageReplacementService {
  constructor(
    private readonly messages: MessagesService,
    private readonly removals: MessageRemovalsService,
    private readonly appends: AppendService,
  ) {}

  /**
   * Replaces the messages of a thread that `tx` holds. Leading messages that are equal stay, with their ids and times;
   * from the first difference on, the old ones go and the new ones are appended (C19).
   * @throws VALIDATION_FAILED, METADATA_TOO_LARGE, MESSAGE_ID_CONFLICT
   */
  async replace(tx: TenantTx, principal: Principal, thread: Thread, history: MessageInput[]): Promise<void> {
    const messages = this.appends.toMessages(history, 'history');
    const rows = await this.messages.rows(tx, principal, thread.id);
    const kept = rows.findIndex((row, i) => i >= messages.length || !isUnchanged(history[i], messages[i], row));
    const keep = kept === -1 ? rows.length : kept;
    if (keep < rows.length) await this.removals.replaceFrom(tx, thread, rows[keep].seq);
    try {
      await this.appends.storeIn(tx, principal, thread, messages.slice(keep));
    } catch (error) {
      if (!isDuplicate(error, 'messages_id_key')) throw error;
      throw messageErrors.MESSAGE_ID_CONFLICT(idIn(error));
    }
  }
}

/** PostgreSQL says which key is there already. */
const idIn = (error: unknown) =>
  /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec((error as { detail?: string }).detail ?? '')?.[0] ?? 'of a message';
