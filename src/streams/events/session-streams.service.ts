import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { toSessionMessage } from '../../sessions/messages/session-messages.service';
import { SessionsService } from '../../sessions/sessions.service';
import type { LiveStart } from './live-position';
import { LiveService } from './live.service';
import type { StreamOwner } from '../watched';

/** Lets clients follow sessions. */
@Injectable()
export class SessionStreamsService {
  constructor(
    private readonly live: LiveService,
    private readonly sessions: SessionsService,
  ) {}

  /** The beginning counts as a read; the session may still expire while it is followed. @throws as `LiveService.follow` */
  async follow(owner: StreamOwner, start: LiveStart): Promise<Readable> {
    await this.sessions.noteRead(owner.principal, owner.target.id);
    return this.live.follow(owner, start, toSessionMessage);
  }
}
