import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Principal } from '../../organizations/principal';
import { bySession } from '../../threads/thread-access';
import type { StreamOwner } from '../streams.service';
import { toSessionMessage } from '../../sessions/messages/session-messages.service';
import { SessionsService } from '../../sessions/sessions.service';
import type { ReplayBody, ReplayQuery, SessionReplay } from './replay.dto';
import { ReplayService } from './replay.service';

/** Replays of sessions. Each counts as a read. */
@Injectable()
export class SessionReplayService {
  constructor(
    private readonly replays: ReplayService,
    private readonly sessions: SessionsService,
  ) {}

  /** @throws as `ReplayService.stream` */
  async stream(owner: StreamOwner, query: ReplayQuery): Promise<Readable> {
    await this.sessions.noteRead(owner.principal, owner.target.id);
    return this.replays.stream(owner, query, toSessionMessage);
  }

  /** @throws as `ReplayService.list` */
  async list(principal: Principal, id: string, { up_to: up_to_turn, ...range }: ReplayBody): Promise<SessionReplay> {
    await this.sessions.noteRead(principal, id);
    const { turns, next_seq } = await this.replays.list(principal, bySession(id), { ...range, up_to_turn });
    const views = turns.map(({ rows, ...turn }) => ({ ...turn, messages: rows.map(toSessionMessage) }));
    return { session_id: id, turns: views, next_seq };
  }
}
