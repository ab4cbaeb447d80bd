import { Controller, Delete, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id, IfMatch } from '../http/request/decorators';
import { MessageDeletionService } from './remove/message-deletion.service';
import { EraseQuery } from '../http/request/erase-query';
import { DeletedMessage, MessageView } from './messages.dto';
import { MessagesService } from './read/messages.service';

/** Single messages, by id. */
@ApiTags('messages')
@Controller('messages')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly deletion: MessageDeletionService,
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
}
