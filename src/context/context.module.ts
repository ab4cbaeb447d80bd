import { Module } from '@nestjs/common';
import { MessagesModule } from '../messages/messages.module';
import { SessionsModule } from '../sessions/sessions.module';
import { ContextController } from './context.controller';
import { ContextService } from './context.service';

/** Contexts: what of a conversation goes to the model. */
@Module({
  imports: [SessionsModule, MessagesModule],
  controllers: [ContextController],
  providers: [ContextService],
  exports: [ContextService],
})
export class ContextModule {}
