export { SummariesModule } from './summaries.module';
export { SummariesService } from './summaries.service';
export type { SummaryRow } from './summary.entity';
export { Summarizer } from './summarizer/summarizer.service';
