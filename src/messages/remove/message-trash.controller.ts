import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth/access';
import { Caller, type Principal } from '../../organizations/principal';
import { Id } from '../../http/request/decorators';
import { PageQuery } from '../../http/request/paging';
import { MessageArchiveService } from '../edit/message-archive.service';
import { MessageRestoringService } from './message-restoring.service';
import { MessageRevisionList } from './message-trash.dto';
import { MessageView } from '../messages.dto';

/** What a single message was. */
@ApiTags('messages')
@Controller('messages/:id')
export class MessageTrashController {
  constructor(
    private readonly archive: MessageArchiveService,
    private readonly restoring: MessageRestoringService,
  ) {}

  @Get('revisions')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listRevisions', summary: 'What a message was before its edits, newest first' })
  @ApiOkResponse({ type: MessageRevisionList })
  revisions(@Caller() caller: Principal, @Id('id') id: string, @Query() query: PageQuery) {
    return this.archive.listRevisions(caller, id, query);
  }

  @Post('restore')
  @HttpCode(200)
  @Access('messages:write')
  @ApiOperation({ operationId: 'restoreMessage', summary: 'Bring a message back from the trash, to its place' })
  @ApiOkResponse({ type: MessageView })
  restore(@Caller() caller: Principal, @Id('id') id: string) {
    return this.restoring.restore(caller, id);
  }
}
