import { Module } from '@nestjs/common';
import { LiveModule } from '../live.module';
import { MessagesModule } from '../../messages/messages.module';
import { SessionsModule } from '../../sessions/sessions.module';
import { ReplayRepository } from './replay.repository';
import { ReplayService } from './replay.service';
import { SessionReplayController } from './session-replay.controller';
import { SessionReplayService } from './session-replay.service';
import { ThreadReplayController } from './thread-replay.controller';

/** Conversations once more, turn by turn. */
@Module({
  imports: [LiveModule, MessagesModule, SessionsModule],
  controllers: [ThreadReplayController, SessionReplayController],
  providers: [ReplayService, SessionReplayService, ReplayRepository],
})
export class ReplayModule {}
