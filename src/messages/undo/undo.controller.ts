import { Body, Controller, HttpCode, Post, type Type, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth';
import { ETagInterceptor } from '../../http/answer/etag.interceptor';
import { IfMatch } from '../../http/request/decorators';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../../idempotency';
import { Caller, type Principal } from '../../organizations';
import { ConversationTarget, eitherOf, type Target } from '../../threads';
import {
  RedoneSessionTurns,
  RedoneTurns,
  RedoTurns,
  UndoneSessionTurns,
  UndoneTurns,
  UndoTurns,
} from './message-undo.dto';
import { MessageUndoService } from './message-undo.service';

/** Turns of a conversation that are taken back: the same routes of threads and of sessions. */
// One class of one-line handlers: the length is that of its list of routes.
// eslint-disable-next-line max-lines-per-function
function undoRoutes(by: Target['by']) {
  const either = eitherOf(by);

  @ApiTags(either('messages', 'sessions'))
  @UseInterceptors(ETagInterceptor)
  @Controller(either('threads/:id', 'sessions/:id'))
  class UndoController {
    constructor(readonly undoing: MessageUndoService) {}

    @Post('undo')
    @HttpCode(200)
    @Access(either('messages:write', 'sessions:write'))
    @ApiOperation({
      operationId: either('undoThread', 'undoSession'),
      summary: 'Take back the last turns, tool calls and answers included',
    })
    @ApiIdempotencyKey()
    @ApiBody({ type: UndoTurns, required: false })
    @ApiOkResponse({ type: either<Type>(UndoneTurns, UndoneSessionTurns) })
    undo(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Body() body: UndoTurns,
      @IfMatch() ifMatch?: number,
      @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
    ) {
      return this.undoing.undo(principal, target, body, { ifMatch, idempotencyKey });
    }

    @Post('redo')
    @HttpCode(200)
    @Access(either('messages:write', 'sessions:write'))
    @ApiOperation({
      operationId: either('redoThread', 'redoSession'),
      summary: 'Bring back what the last undo took, until the next append',
    })
    @ApiIdempotencyKey()
    @ApiBody({ type: RedoTurns, required: false })
    @ApiOkResponse({ type: either<Type>(RedoneTurns, RedoneSessionTurns) })
    redo(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Body() body: RedoTurns,
      @IfMatch() ifMatch?: number,
      @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
    ) {
      return this.undoing.redo(principal, target, body, { ifMatch, idempotencyKey });
    }
  }
  return UndoController;
}

export const ThreadUndoController = undoRoutes('thread');
export const SessionUndoController = undoRoutes('session');
