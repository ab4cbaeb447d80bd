import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { MessagesModule } from '../messages/messages.module';
import { SessionsModule } from '../sessions/sessions.module';
import { LiveService } from './events/live.service';
import { SessionEventsController } from './events/session-events.controller';
import { SessionStreamsService } from './events/session-streams.service';
import { StreamsService } from './streams.service';
import { ThreadEventsController } from './events/thread-events.controller';
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
