import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id, IfMatch } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { byThread } from '../threads/thread-access';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency/idempotency-key';
import { AddSummary, ListSummariesQuery, Summarize, SummarizeResult, SummaryList, SummaryView } from './summaries.dto';
import { SummariesService } from './summaries.service';
import { SummarizingService } from './summarizing.service';
import { SummaryPostingService } from './summary-posting.service';

/** The summaries of one thread. */
@ApiTags('summaries')
@Controller('threads/:id')
export class SummariesController {
  constructor(
    private readonly summaries: SummariesService,
    private readonly posting: SummaryPostingService,
    private readonly summarizing: SummarizingService,
  ) {}

  @Get('summaries')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listSummaries', summary: 'A page of summaries, by their ranges' })
  @ApiOkResponse({ type: SummaryList })
  list(@Caller() caller: Principal, @Id('id') id: string, @Query() query: ListSummariesQuery) {
    return this.summaries.list(caller, byThread(id), query);
  }

  @Post('summaries')
  @Access('messages:write')
  @ApiOperation({ operationId: 'addSummary', summary: 'Add a summary of your own; none is ever changed' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: SummaryView })
  add(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: AddSummary,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.posting.add(caller, byThread(id), body, idempotencyKey);
  }

  @Post('summarize')
  @HttpCode(200)
  @Access('messages:write')
  @UseInterceptors(ETagInterceptor)
  @ApiOperation({ operationId: 'summarizeThread', summary: 'Summarize all but the newest messages' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: SummarizeResult })
  summarize(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: Summarize,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.summarizing.summarize(caller, byThread(id), body, { ifMatch, idempotencyKey });
  }
}
