import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { IfMatch } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { bySession } from '../threads/thread-access';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency/idempotency-key';
import { SessionId } from '../sessions/opening/session-id';
import { AddSummary, ListSummariesQuery, Summarize, SummarizeResult, SummaryList, SummaryView } from './summaries.dto';
import { SummariesService } from './summaries.service';
import { SummarizingService } from './summarizing.service';
import { SummaryPostingService } from './summary-posting.service';

/** The summaries of one session. */
@ApiTags('summaries')
@Controller('sessions/:id')
export class SessionSummariesController {
  constructor(
    private readonly summaries: SummariesService,
    private readonly posting: SummaryPostingService,
    private readonly summarizing: SummarizingService,
  ) {}

  @Get('summaries')
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'listSessionSummaries',
    summary: 'A page of summaries, by their ranges; an unknown session is 404',
  })
  @ApiOkResponse({ type: SummaryList })
  list(@Caller() caller: Principal, @SessionId() id: string, @Query() query: ListSummariesQuery) {
    return this.summaries.list(caller, bySession(id), query);
  }

  @Post('summaries')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'addSessionSummary', summary: 'Add a summary of your own; an unknown session is made' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: SummaryView })
  add(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: AddSummary,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.posting.add(caller, bySession(id), body, idempotencyKey);
  }

  @Post('summarize')
  @HttpCode(200)
  @Access('sessions:write')
  @UseInterceptors(ETagInterceptor)
  @ApiOperation({ operationId: 'summarizeSession', summary: 'Summarize all but the newest messages' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: SummarizeResult })
  summarize(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: Summarize,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.summarizing.summarize(caller, bySession(id), body, { ifMatch, idempotencyKey });
  }
}
