import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiExcludeController, ApiOperation } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth';
import { VERSION } from '../http/server/version';
import { type Home, HOME_POLICY, homePage } from './home.page';

const HOME: Home = {
  name: 'throughline',
  version: VERSION,
  description: 'Conversation state for LLM applications and agents: threads, messages, sessions and memory.',
  links: { reference: '/api/docs', openapi: '/api/docs-json', health: '/api/health' },
};

/** The root of the server: what runs here, and where to go on. Not a part of the API, and so not of its reference. */
@ApiExcludeController()
@Controller()
export class HomeController {
  /** A page for browsers, JSON for everybody else. */
  @Get()
  @Public()
  @ApiOperation({ summary: 'What runs here, and where to go on' })
  home(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Home | string {
    void reply.headers({ vary: 'accept', 'x-content-type-options': 'nosniff' });
    if (!accept?.includes('text/html')) return HOME;
    void reply.type('text/html; charset=utf-8').header('content-security-policy', HOME_POLICY);
    return homePage(HOME);
  }
}
