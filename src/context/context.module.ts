import { Module } from '@nestjs/common';
import { MemoryModule } from '../memory';
import { MessagesModule } from '../messages';
import { SearchModule } from '../search';
import { SessionsModule } from '../sessions';
import { SummariesModule } from '../summaries';
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
