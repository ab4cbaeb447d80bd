import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { MessagesModule } from '../messages/messages.module';
import { SessionsModule } from '../sessions/sessions.module';
import { LiveService } from './live.service';
import { SessionEventsController } from './session-events.controller';
import { SessionStreamsService } from './session-streams.service';
import { StreamsService } from './streams.service';
import { ThreadEventsController } from './thread-events.controller';
import { WatchesRepository } from './watches.repository';
import { WatchesService } from './watches.service';

/** Threads and sessions as streams of events. */
@Module({
  imports: [AuthModule, MessagesModule, SessionsModule],
  controllers: [ThreadEventsController, SessionEventsController],
  providers: [LiveService, SessionStreamsService, StreamsService, WatchesService, WatchesRepository],
  exports: [StreamsService],
})
export class LiveModule {}
