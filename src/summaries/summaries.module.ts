import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { IdempotencyModule } from '../idempotency';
import { MessagesModule } from '../messages';
import { ChatModel, ModelsModule } from '../models';
import { SessionsModule } from '../sessions';
import { ThreadsModule } from '../threads';
import { AutoSummariesService } from './auto-summaries.service';
import { LocalSummarizer } from './summarizer/local-summarizer.service';
import { ModelSummarizer } from './summarizer/model-summarizer.service';
import { SessionSummariesController, ThreadSummariesController } from './summaries.controller';
import { SummariesRepository } from './summaries.repository';
import { SummariesService } from './summaries.service';
import { Summarizer } from './summarizer/summarizer.service';
import { SummarizingService } from './summarizing.service';
import { SummaryPostingService } from './summary-posting.service';
import { SummaryRuns } from './summary-runs';
import { SummaryWriter } from './summary-writer';

/** Summaries: texts that stand for ranges of messages, by callers, by the model, or by the extractive summarizer (C25). */
@Module({
  imports: [ThreadsModule, MessagesModule, SessionsModule, IdempotencyModule, ModelsModule],
  controllers: [ThreadSummariesController, SessionSummariesController],
  providers: [
    SummariesService,
    SummaryPostingService,
    SummarizingService,
    AutoSummariesService,
    SummaryRuns,
    SummaryWriter,
    SummariesRepository,
    {
      provide: Summarizer,
      inject: [CONFIG, ChatModel],
      useFactory: (config: Config, model: ChatModel): Summarizer =>
        config.env.MODEL_BASE_URL ? new ModelSummarizer(model) : new LocalSummarizer(),
    },
  ],
  exports: [SummariesService, Summarizer],
})
export class SummariesModule {}
