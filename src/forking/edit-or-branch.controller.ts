import { Body, Controller, createParamDecorator, type ExecutionContext, Patch, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { Id, readIfMatch } from '../http/request/decorators';
import { ApiIdempotencyKey, readIdempotencyKey } from '../idempotency';
import { EditsService, MessageView, UpdateMessage } from '../messages';
import { BranchingService, type EditOptions } from './branching.service';
import { EditQuery } from './forking.dto';

/** What an edit says beside its body: `Idempotency-Key` and `If-Match`. */
// eslint-disable-next-line no-useless-assignment -- the rule does not see decorators of parameters
const EditControls = createParamDecorator((_: unknown, context: ExecutionContext): EditOptions => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return { idempotencyKey: readIdempotencyKey(request), ifMatch: readIfMatch(request) };
});

/** Edits of messages, in their place or in another thread. */
@ApiTags('messages')
@Controller('messages')
export class EditOrBranchController {
  constructor(
    private readonly edits: EditsService,
    private readonly branching: BranchingService,
  ) {}

  @Patch(':id')
  @Access('messages:write')
  @ApiOperation({ operationId: 'updateMessage', summary: 'Edit content, metadata or cost, here or in a new branch' })
  @ApiIdempotencyKey()
  @ApiResponse({ status: 200, type: MessageView, description: 'Edited; what it was is a revision.' })
  @ApiResponse({
    status: 201,
    type: MessageView,
    description: 'With branch=true: the edited message in its new thread, which Location names.',
  })
  async update(
    @Caller() principal: Principal,
    @Id('id') id: string,
    @Query() query: EditQuery,
    @Body() body: UpdateMessage,
    @EditControls() controls: EditOptions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (query.branch !== 'true') return this.edits.update(principal, id, body, controls.ifMatch);
    const message = await this.branching.branch(principal, id, body, controls);
    void reply.status(201).header('location', `/api/threads/${message.thread_id}`);
    return message;
  }
}
