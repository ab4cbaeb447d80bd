import { Body, Controller, Delete, Get, Patch } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../auth/principal';
import { Id, IfMatch } from '../common/decorators';
import { MessageEditsService } from './message-edits.service';
import { DeletedMessage, MessageView, UpdateMessage } from './messages.dto';
import { MessagesService } from './messages.service';

/** Single messages, by id. */
@ApiTags('messages')
@Controller('messages')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly edits: MessageEditsService,
  ) {}

  @Get(':id')
  @Access('messages:read')
  @ApiOperation({ operationId: 'getMessage', summary: 'One message' })
  @ApiOkResponse({ type: MessageView })
  get(@Caller() caller: Principal, @Id('id') id: string) {
    return this.messages.get(caller, id);
  }

  @Patch(':id')
  @Access('messages:write')
  @ApiOperation({ operationId: 'updateMessage', summary: 'Edit content, metadata or cost' })
  @ApiOkResponse({ type: MessageView })
  update(@Caller() caller: Principal, @Id('id') id: string, @Body() body: UpdateMessage, @IfMatch() ifMatch?: number) {
    return this.edits.update(caller, id, body, ifMatch);
  }

  @Delete(':id')
  @Access('messages:write')
  @ApiOperation({ operationId: 'deleteMessage', summary: 'Delete one message' })
  @ApiOkResponse({ type: DeletedMessage })
  delete(@Caller() caller: Principal, @Id('id') id: string, @IfMatch() ifMatch?: number) {
    return this.edits.delete(caller, id, ifMatch);
  }
}
