import { Body, Controller, Patch, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id } from '../http/request/decorators';
import { ApiIdempotencyKey } from '../idempotency/idempotency-key';
import { MessageEditsService } from '../messages/edit/message-edits.service';
import { MessageView, UpdateMessage } from '../messages/messages.dto';
import { BranchingService, type EditOptions } from './branching.service';
import { EditControls } from './edit-controls';
import { EditQuery } from './forking.dto';

/** Edits of messages, in their place or in another thread. */
@ApiTags('messages')
@Controller('messages')
export class MessageEditingController {
  constructor(
    private readonly edits: MessageEditsService,
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
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Query() query: EditQuery,
    @Body() body: UpdateMessage,
    @EditControls() controls: EditOptions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (query.branch !== 'true') return this.edits.update(caller, id, body, controls.ifMatch);
    const message = await this.branching.branch(caller, id, body, controls);
    void reply.status(201).header('location', `/api/threads/${message.thread_id}`);
    return message;
  }
}
