import { Controller, Delete, Get, Post, Req, UseGuards } from '@nestjs/common';
import { ApiExcludeController, ApiOperation } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { mcpErrors } from './mcp.errors';
import { McpService } from './mcp.service';
import { OriginGuard } from './origin.guard';

/** The Model Context Protocol over streamable HTTP, without state: a POST a message, a JSON answer each. */
@ApiExcludeController()
@UseGuards(OriginGuard)
@Controller('mcp')
export class McpController {
  constructor(private readonly mcp: McpService) {}

  @Post()
  @Access('mcp:use')
  @ApiOperation({ summary: 'One message of the Model Context Protocol' })
  answer(@Caller() principal: Principal, @Req() { id, headers, body }: FastifyRequest) {
    return this.mcp.answer({ principal, requestId: id }, headers, body);
  }

  @Get()
  @Access('mcp:use')
  @ApiOperation({ summary: '405: there are no streams to open' })
  openStream(): never {
    throw notAllowed();
  }

  @Delete()
  @Access('mcp:use')
  @ApiOperation({ summary: '405: there are no sessions to end' })
  endSession(): never {
    throw notAllowed();
  }
}

const notAllowed = () => mcpErrors.METHOD_NOT_ALLOWED().with({ headers: { allow: 'POST' } });
