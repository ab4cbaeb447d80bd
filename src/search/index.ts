export { type FoundRow, MessageSearchService } from './message-search.service';
export type { FoundMessage, SearchMessagesQuery } from './search.dto';
export { SearchGate } from './search-gate';
export { SearchModule } from './search.module';
