import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { IfMatch } from '../http/request/decorators';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { Caller, type Principal } from '../organizations';
import { ConversationTarget, eitherOf, type Target } from '../threads';
import { AddSummary, ListSummariesQuery, Summarize, SummarizeResult, SummaryList, SummaryView } from './summaries.dto';
import { SummariesService } from './summaries.service';
import { SummarizingService } from './summarizing.service';
import { SummaryPostingService } from './summary-posting.service';

/** The summaries of a conversation: the same routes of threads and of sessions. */
// One class of one-line handlers: the length is that of its list of routes.
// eslint-disable-next-line max-lines-per-function
function summaryRoutes(by: Target['by']) {
  const either = eitherOf(by);

  @ApiTags('summaries')
  @Controller(either('threads/:id', 'sessions/:id'))
  class SummariesController {
    constructor(
      readonly summaries: SummariesService,
      readonly posting: SummaryPostingService,
      readonly summarizing: SummarizingService,
    ) {}

    @Get('summaries')
    @Access(either('messages:read', 'sessions:read'))
    @ApiOperation(
      either(
        { operationId: 'listSummaries', summary: 'A page of summaries, by their ranges' },
        {
          operationId: 'listSessionSummaries',
          summary: 'A page of summaries, by their ranges; an unknown session is 404',
        },
      ),
    )
    @ApiOkResponse({ type: SummaryList })
    list(@Caller() principal: Principal, @ConversationTarget(by) target: Target, @Query() query: ListSummariesQuery) {
      return this.summaries.list(principal, target, query);
    }

    @Post('summaries')
    @Access(either('messages:write', 'sessions:write'))
    @ApiOperation(
      either(
        { operationId: 'addSummary', summary: 'Add a summary of your own; none is ever changed' },
        { operationId: 'addSessionSummary', summary: 'Add a summary of your own; none is ever changed' },
      ),
    )
    @ApiIdempotencyKey()
    @ApiCreatedResponse({ type: SummaryView })
    add(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Body() body: AddSummary,
      @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
    ) {
      return this.posting.add(principal, target, body, idempotencyKey);
    }

    @Post('summarize')
    @HttpCode(200)
    @Access(either('messages:write', 'sessions:write'))
    @UseInterceptors(ETagInterceptor)
    @ApiOperation({
      operationId: either('summarizeThread', 'summarizeSession'),
      summary: 'Summarize all but the newest messages',
    })
    @ApiIdempotencyKey()
    @ApiOkResponse({ type: SummarizeResult })
    summarize(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Body() body: Summarize,
      @IfMatch() ifMatch?: number,
      @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
    ) {
      return this.summarizing.summarize(principal, target, body, { ifMatch, idempotencyKey });
    }
  }
  return SummariesController;
}

export const ThreadSummariesController = summaryRoutes('thread');
export const SessionSummariesController = summaryRoutes('session');
