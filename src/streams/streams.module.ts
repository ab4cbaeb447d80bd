import { Module } from '@nestjs/common';
import { AuthModule } from '../auth';
import { MessagesModule } from '../messages';
import { SessionsModule } from '../sessions';
import { SessionEventsController, ThreadEventsController } from './events/events.controller';
import { LiveService } from './events/live.service';
import { ReplayListController, SessionReplayController, ThreadReplayController } from './replay/replay.controller';
import { ReplayRepository } from './replay/replay.repository';
import { ReplayService } from './replay/replay.service';
import { StreamsService } from './streams.service';
import { WatchesRepository } from './watches.repository';
import { WatchesService } from './watches.service';

/** Conversations as streams of events: as they happen, and once more, turn by turn. */
@Module({
  imports: [AuthModule, MessagesModule, SessionsModule],
  controllers: [
    ThreadEventsController,
    SessionEventsController,
    ThreadReplayController,
    SessionReplayController,
    ReplayListController,
  ],
  providers: [LiveService, ReplayService, ReplayRepository, StreamsService, WatchesService, WatchesRepository],
})
export class StreamsModule {}
