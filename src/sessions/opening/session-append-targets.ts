import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { checkVersion } from '../../http/request/versions';
import { CONFIG, type Config } from '../../config/config';
import { bySession, checkSessionId } from '../../threads';
import { type AppendTarget, MessageTruncationService, toSessionMessage } from '../../messages';
import { SessionOpeningService } from './session-opening.service';

/** Sessions as targets that messages are appended to. */
@Injectable()
export class SessionAppendTargets {
  constructor(
    private readonly opening: SessionOpeningService,
    private readonly truncation: MessageTruncationService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws INVALID_ID, SESSION_ID_RESERVED */
  of(principal: Principal, id: string): AppendTarget {
    checkSessionId(id);
    const limit = this.config.env.SESSION_HISTORY_LIMIT;
    let trims = false;
    const open: AppendTarget['open'] = async (tx, expected) => {
      const { session, created } = await this.opening.open(tx, principal, id);
      // What was not there had no version that a write could rest on.
      if (created) checkVersion(expected, 0);
      trims = limit > 0 && session.notebook_id !== null;
      return session;
    };
    const settle: AppendTarget['settle'] = async (tx, thread) =>
      trims && thread.message_count > limit ? this.truncation.keepNewest(tx, thread, limit) : undefined;
    return { ...bySession(id), open, settle, view: toSessionMessage };
  }
}
