import { Body, Controller, HttpCode, Post, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { IfMatch } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { bySession } from '../threads/thread-access';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency/idempotency-key';
import { RedoneTurns, RedoTurns, UndoneTurns, UndoTurns } from '../messages/remove/message-trash.dto';
import { MessageUndoService } from '../messages/undo/message-undo.service';
import { SessionId } from './opening/session-id';

/** Turns of a session that are taken back. */
@ApiTags('sessions')
@UseInterceptors(ETagInterceptor)
@Controller('sessions/:id')
export class SessionUndoController {
  constructor(private readonly turns: MessageUndoService) {}

  @Post('undo')
  @HttpCode(200)
  @Access('sessions:write')
  @ApiOperation({ operationId: 'undoSession', summary: 'Take back the last turns, tool calls and answers included' })
  @ApiIdempotencyKey()
  @ApiBody({ type: UndoTurns, required: false })
  @ApiOkResponse({ type: UndoneTurns })
  undo(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: UndoTurns,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.turns.undo(caller, bySession(id), body, { ifMatch, idempotencyKey });
  }

  @Post('redo')
  @HttpCode(200)
  @Access('sessions:write')
  @ApiOperation({ operationId: 'redoSession', summary: 'Bring back what the last undo took, until the next append' })
  @ApiIdempotencyKey()
  @ApiBody({ type: RedoTurns, required: false })
  @ApiOkResponse({ type: RedoneTurns })
  redo(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: RedoTurns,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.turns.redo(caller, bySession(id), body, { ifMatch, idempotencyKey });
  }
}
