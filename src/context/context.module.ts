import { Module } from '@nestjs/common';
import { MemoryModule } from '../memory/memory.module';
import { MessagesModule } from '../messages/messages.module';
import { SearchModule } from '../search/search.module';
import { SessionsModule } from '../sessions/sessions.module';
import { SummariesModule } from '../summaries/summaries.module';
import { ContextExtras } from './read/context-extras.service';
import { ContextRetrieval } from './read/context-retrieval.service';
import { ContextReader } from './read/context-reader.service';
import { ContextController } from './context.controller';
import { ContextService } from './context.service';

/** Contexts: what of a conversation goes to the model. */
@Module({
  imports: [SessionsModule, MessagesModule, MemoryModule, SummariesModule, SearchModule],
  controllers: [ContextController],
  providers: [ContextService, ContextReader, ContextRetrieval, ContextExtras],
  exports: [ContextService],
})
export class ContextModule {}
