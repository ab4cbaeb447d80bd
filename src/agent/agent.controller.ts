import { Body, Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Readable } from 'node:stream';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { Route } from '../http/request/route-settings';
import { EVENT_STREAM_HEADERS, EVENTS, eventStream } from '../http/answer/event-stream';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { QuickAnswer, QuickQuery } from './agent.dto';
import { AgentService } from './agent.service';

/** The agent of a notebook. */
@ApiTags('agent')
@ApiExtraModels(QuickAnswer)
@Controller('agent')
export class AgentController {
  constructor(private readonly agent: AgentService) {}

  /**
   * One turn. With `Accept: text/event-stream` the answer comes as it is said: `delta` events with `{content}`, then
   * `message` for each whole message, then `complete` with what the plain answer is.
   */
  @Post('quick')
  @HttpCode(200)
  @Access('agent:run')
  @Route({ jsonComments: true })
  @ApiOperation({ operationId: 'quick', summary: 'Ask: the question is stored, the model asked, the answer stored' })
  @ApiIdempotencyKey()
  @ApiOkResponse({
    description: 'The answer; also when the model failed: then a message of type `error`, and the question is kept.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(QuickAnswer) } },
      [EVENTS]: { schema: { type: 'string' } },
    },
  })
  async quick(
    @Caller() caller: Principal,
    @Body() body: QuickQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ): Promise<QuickAnswer | Readable> {
    const turn = await this.agent.begin(caller, body, idempotencyKey);
    if (!accept?.includes(EVENTS)) return this.agent.finish(caller, turn);
    void reply.headers(EVENT_STREAM_HEADERS);
    return eventStream(async (emit, signal) => {
      const onText = (content: string) => emit('delta', { content });
      const answer = await this.agent.finish(caller, turn, { onText, signal });
      for (const message of answer.messages) emit('message', message);
      emit('complete', answer);
    });
  }
}
