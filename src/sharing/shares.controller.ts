import { Body, Controller, Delete, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { Id } from '../http/request/decorators';
import { ShareLinksService } from './share-links.service';
import { AcceptedThread, AcceptShare, EndedShare } from './sharing.dto';

/** Shares, for those with whom something is shared. */
@ApiTags('shares')
@Controller('shares')
export class SharesController {
  constructor(private readonly links: ShareLinksService) {}

  @Post('accept')
  @Access('threads:read')
  @ApiOperation({ operationId: 'acceptShare', summary: 'Accept a link of your organization by its token' })
  @ApiResponse({ status: 201, type: AcceptedThread, description: 'Accepted: the thread.' })
  @ApiResponse({ status: 200, type: AcceptedThread, description: 'It had been accepted, or is your own.' })
  async accept(
    @Caller() principal: Principal,
    @Body() body: AcceptShare,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { created, thread } = await this.links.accept(principal, body.token);
    void reply.status(created ? 201 : 200);
    return thread;
  }

  @Delete(':id')
  @Access('threads:write')
  @ApiOperation({ operationId: 'endShare', summary: 'Leave a thread that is shared with you, or revoke a share' })
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOkResponse({ type: EndedShare })
  end(@Caller() principal: Principal, @Id('id') id: string) {
    return this.links.end(principal, id);
  }
}
