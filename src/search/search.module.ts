import { Module } from '@nestjs/common';
import { MessagesModule } from '../messages';
import { OrganizationsModule } from '../organizations';
import { MessageSearchService } from './message-search.service';
import { SearchLanguageController } from './search-language.controller';
import { SearchLanguagesRepository } from './search-languages.repository';
import { SearchLanguagesService } from './search-languages.service';
import { SearchController } from './search.controller';
import { SearchRepository } from './search.repository';

/** Messages by what they say. */
@Module({
  imports: [MessagesModule, OrganizationsModule],
  controllers: [SearchController, SearchLanguageController],
  providers: [MessageSearchService, SearchRepository, SearchLanguagesService, SearchLanguagesRepository],
  exports: [MessageSearchService],
})
export class SearchModule {}
