import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { ApiExcludeController, ApiOperation } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth';
import { CONFIG, type Config } from '../config/config';
import { VERSION } from '../http/server/version';
import { type Home, HOME_POLICY, homePage } from './home.page';

const HOME = {
  name: 'throughline',
  version: VERSION,
  description: 'Conversation state for LLM applications and agents: threads, messages, sessions and memory.',
};

const REFERENCE = { reference: '/api/docs', openapi: '/api/docs-json' };

/** The root of the server: what runs here, and where to go on. Not a part of the API, and so not of its reference. */
@ApiExcludeController()
@Controller()
export class HomeController {
  private readonly page: Home;

  constructor(@Inject(CONFIG) { env }: Config) {
    const reference = env.API_REFERENCE === 'on' ? REFERENCE : {};
    this.page = { ...HOME, links: { ...reference, health: '/api/health' } };
  }

  /** A page for browsers, JSON for everybody else. */
  @Get()
  @Public()
  @ApiOperation({ summary: 'What runs here, and where to go on' })
  home(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Home | string {
    void reply.header('vary', 'accept');
    if (!accept?.includes('text/html')) return this.page;
    void reply.type('text/html; charset=utf-8').header('content-security-policy', HOME_POLICY);
    return homePage(this.page);
  }
}
