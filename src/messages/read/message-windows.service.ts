import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../../threads/thread-access';
import { checkTarget, notFound } from '../../threads/threads.service';
import { type MessageWindow, MessageWindowsRepository, type WindowSlice } from './message-windows.repository';

export type { MessageWindow, WindowSlice } from './message-windows.repository';

/** Reads what a context is made of. */
@Injectable()
export class MessageWindowsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly windows: MessageWindowsRepository,
  ) {}

  /** The beginning and the end of a thread, in one statement. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND */
  async read(principal: Principal, target: Target, slice: WindowSlice): Promise<MessageWindow> {
    checkTarget(target);
    const read = (tx: TenantTx) => this.windows.read(tx, principal, target, slice);
    const window = await this.db.readOne(principal, read, { rows: slice.limit });
    if (!window) throw notFound(target);
    return window;
  }
}
