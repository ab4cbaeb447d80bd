import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { MessageSearchService } from './message-search.service';
import { FoundMessages, FoundSessionMessages, SearchMessagesQuery, SearchSessionsQuery } from './search.dto';

/** Messages by what they say. */
@ApiTags('search')
@Controller()
export class SearchController {
  constructor(private readonly finder: MessageSearchService) {}

  @Get('messages/search')
  @Access('messages:read')
  @ApiOperation({
    operationId: 'searchMessages',
    summary: 'Messages by what they say, in your threads and those shared with you; for admins in the organization',
  })
  @ApiOkResponse({ type: FoundMessages })
  searchMessages(@Caller() caller: Principal, @Query() query: SearchMessagesQuery) {
    return this.finder.search(caller, query);
  }

  @Get('sessions/search')
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'searchSessions',
    summary: 'Messages of your active sessions by what they say; for admins of all in the organization',
  })
  @ApiOkResponse({ type: FoundSessionMessages })
  searchSessions(@Caller() caller: Principal, @Query() query: SearchSessionsQuery) {
    return this.finder.searchSessions(caller, query);
  }
}
