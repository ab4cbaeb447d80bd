import { Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { Id, IfMatch } from '../http/request/decorators';
import { PageQuery } from '../http/request/paging';
import { EditsService } from './edit/edits.service';
import { MessageRevisionList } from './edit/message-revisions.dto';
import { MessageDeletionService } from './remove/message-deletion.service';
import { EraseQuery } from '../http/request/erase-query';
import { DeletedMessage, MessageView } from './messages.dto';
import { MessagesService } from './read/messages.service';
import { MessageTrashService } from './remove/message-trash.service';

/** Single messages, by id. */
@ApiTags('messages')
@Controller('messages')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly deletion: MessageDeletionService,
    private readonly edits: EditsService,
    private readonly trash: MessageTrashService,
  ) {}

  @Get(':id')
  @Access('messages:read')
  @ApiOperation({ operationId: 'getMessage', summary: 'One message' })
  @ApiOkResponse({ type: MessageView })
  get(@Caller() caller: Principal, @Id('id') id: string) {
    return this.messages.get(caller, id);
  }

  @Delete(':id')
  @Access('messages:write')
  @ApiOperation({ operationId: 'deleteMessage', summary: 'Move one message to the trash, or erase it' })
  @ApiOkResponse({ type: DeletedMessage })
  delete(@Caller() caller: Principal, @Id('id') id: string, @Query() query: EraseQuery, @IfMatch() ifMatch?: number) {
    return this.deletion.delete(caller, id, { ifMatch, erase: query.erase === 'true' });
  }

  @Get(':id/revisions')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listRevisions', summary: 'What a message was before its edits, newest first' })
  @ApiOkResponse({ type: MessageRevisionList })
  revisions(@Caller() caller: Principal, @Id('id') id: string, @Query() query: PageQuery) {
    return this.edits.listRevisions(caller, id, query);
  }

  @Post(':id/restore')
  @HttpCode(200)
  @Access('messages:write')
  @ApiOperation({ operationId: 'restoreMessage', summary: 'Bring a message back from the trash, to its place' })
  @ApiOkResponse({ type: MessageView })
  restore(@Caller() caller: Principal, @Id('id') id: string) {
    return this.trash.restore(caller, id);
  }
}
