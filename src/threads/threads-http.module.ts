import { Module } from '@nestjs/common';
import { MessagesModule } from '../messages/messages.module';
import { CurrentThreadController } from './current/current-thread.controller';
import { ThreadTrashController } from './trash/thread-trash.controller';
import { ThreadsController } from './threads.controller';
import { ThreadsModule } from './threads.module';

/** The routes of threads: they show messages too, and messages stand on threads. */
@Module({
  imports: [ThreadsModule, MessagesModule],
  controllers: [CurrentThreadController, ThreadTrashController, ThreadsController],
})
export class ThreadsHttpModule {}
