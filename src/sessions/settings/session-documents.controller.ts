import { Body, Controller, Get, Patch, Put, Res } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { IfMatch } from '../../http/request/decorators';
import { JsonObjectPipe } from '../../http/request/body-pipes';
import { type SessionDocument, SessionDocumentsService } from './session-documents.service';
import { ConversationTarget, type Target } from '../../threads';

const ANY_OBJECT = {
  schema: { type: 'object', additionalProperties: true },
  description: 'The object itself.',
} as const;
const objectBody = new JsonObjectPipe();

/** Metadata and variables of one session, each a JSON object of its own: what is sent and answered is the object itself. */
@ApiTags('sessions')
@Controller('sessions/:id')
export class SessionDocumentsController {
  constructor(private readonly documents: SessionDocumentsService) {}

  @Get('metadata')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'getSessionMetadata', summary: 'The metadata' })
  @ApiOkResponse(ANY_OBJECT)
  async metadata(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answer(reply, await this.documents.metadata(principal, id));
  }

  @Patch('metadata')
  @Access('sessions:write')
  @ApiOperation({
    operationId: 'patchSessionMetadata',
    summary: 'Merge (RFC 7396): null removes a key, absent keys stay; an unknown session is made',
  })
  @ApiBody(ANY_OBJECT)
  @ApiOkResponse(ANY_OBJECT)
  async patchMetadata(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Body(objectBody) patch: object,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IfMatch() ifMatch?: number,
  ) {
    return answer(reply, await this.documents.patchMetadata(principal, id, patch, ifMatch));
  }

  @Get('variables')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'getVariables', summary: 'The variables, by name, in the order in which they came' })
  @ApiOkResponse(ANY_OBJECT)
  async variables(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answer(reply, await this.documents.variables(principal, id));
  }

  @Put('variables')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'putVariables', summary: 'Replace all variables; an unknown session is made' })
  @ApiBody(ANY_OBJECT)
  @ApiOkResponse(ANY_OBJECT)
  async putVariables(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Body(objectBody) variables: object,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IfMatch() ifMatch?: number,
  ) {
    return answer(reply, await this.documents.putVariables(principal, id, variables, ifMatch));
  }

  @Patch('variables')
  @Access('sessions:write')
  @ApiOperation({
    operationId: 'patchVariables',
    summary: 'Merge (RFC 7396): null removes a name, absent names stay; an unknown session is made',
  })
  @ApiBody(ANY_OBJECT)
  @ApiOkResponse(ANY_OBJECT)
  async patchVariables(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Body(objectBody) patch: object,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IfMatch() ifMatch?: number,
  ) {
    return answer(reply, await this.documents.patchVariables(principal, id, patch, ifMatch));
  }
}

function answer(reply: FastifyReply, { value, version }: SessionDocument): Record<string, unknown> {
  void reply.header('etag', `"${version}"`);
  return value;
}
