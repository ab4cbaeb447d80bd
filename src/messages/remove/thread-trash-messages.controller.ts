import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth/access';
import { Caller, type Principal } from '../../organizations/principal';
import { Id, IfMatch } from '../../http/request/decorators';
import { ETagInterceptor } from '../../http/answer/etag.interceptor';
import { PageQuery } from '../../http/request/paging';
import { byThread } from '../../threads/thread-access';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../../idempotency/idempotency-key';
import { MessageArchiveService } from '../edit/message-archive.service';
import { MessageRestoringService } from './message-restoring.service';
import { MessageTrashList, RedoneTurns, RedoTurns, RestoredMessages, RestoreMessages } from './message-trash.dto';
import { UndoneTurns, UndoTurns } from './message-trash.dto';
import { MessageUndoService } from '../undo/message-undo.service';

/** What was taken out of one thread, and its way back. */
@ApiTags('messages')
@UseInterceptors(ETagInterceptor)
@Controller('threads/:id')
export class ThreadTrashMessagesController {
  constructor(
    private readonly archive: MessageArchiveService,
    private readonly restoring: MessageRestoringService,
    private readonly turns: MessageUndoService,
  ) {}

  @Get('messages/trash')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listMessageTrash', summary: "A page of the thread's trash, the last removal first" })
  @ApiOkResponse({ type: MessageTrashList })
  trash(@Caller() caller: Principal, @Id('id') id: string, @Query() query: PageQuery) {
    return this.archive.listTrash(caller, byThread(id), query);
  }

  @Post('messages/restore')
  @HttpCode(200)
  @Access('messages:write')
  @ApiOperation({ operationId: 'restoreMessages', summary: "Bring back all of the thread's trash, or one removal" })
  @ApiIdempotencyKey()
  @ApiBody({ type: RestoreMessages, required: false })
  @ApiOkResponse({ type: RestoredMessages })
  restore(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: RestoreMessages,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.restoring.restoreAll(caller, byThread(id), body, { ifMatch, idempotencyKey });
  }

  @Post('undo')
  @HttpCode(200)
  @Access('messages:write')
  @ApiOperation({ operationId: 'undoThread', summary: 'Take back the last turns, tool calls and answers included' })
  @ApiIdempotencyKey()
  @ApiBody({ type: UndoTurns, required: false })
  @ApiOkResponse({ type: UndoneTurns })
  undo(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: UndoTurns,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.turns.undo(caller, byThread(id), body, { ifMatch, idempotencyKey });
  }

  @Post('redo')
  @HttpCode(200)
  @Access('messages:write')
  @ApiOperation({ operationId: 'redoThread', summary: 'Bring back what the last undo took, until the next append' })
  @ApiIdempotencyKey()
  @ApiBody({ type: RedoTurns, required: false })
  @ApiOkResponse({ type: RedoneTurns })
  redo(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: RedoTurns,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.turns.redo(caller, byThread(id), body, { ifMatch, idempotencyKey });
  }
}
