import { applyDecorators, createParamDecorator, type ExecutionContext, type Type } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readIfMatch } from '../../http/request/decorators';
import { oneOrMany } from '../../http/request/body-pipes';
import { ApiIdempotencyKey, readIdempotencyKey } from '../../idempotency';
import type { AppendOptions, AppendResult } from './append.service';
import { AppendMessage, AppendMessages, type AppendQuery, MessageBatch, MessageView } from '../messages.dto';

/** Validates the body of an append: one message, or `{ messages: […] }`. */
export const appendBody = oneOrMany(AppendMessage, AppendMessages, 'messages');

/** What the headers of an append say: `Idempotency-Key` and `If-Match`. */
export const AppendControls = createParamDecorator((_: unknown, context: ExecutionContext): AppendOptions => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return {
    idempotencyKey: readIdempotencyKey(request),
    ifMatch: readIfMatch(request),
  };
});

/** The same, and what its query says. */
export const withQuery = (controls: AppendOptions, { persist }: AppendQuery): AppendOptions => ({
  ...controls,
  persist: persist !== 'false',
});

/** 201 when something was stored; 200 when all of it was there already, was empty, or was not to be stored. */
export function answerAppend(reply: FastifyReply, { created, answer }: AppendResult): AppendResult['answer'] {
  void reply.status(created ? 201 : 200);
  return answer;
}

const oneOf = (...models: Parameters<typeof getSchemaPath>[0][]) => ({
  oneOf: models.map((model) => ({ $ref: getSchemaPath(model) })),
});

type Model = Type<object>;

/** The reference of a route that appends. */
export const ApiAppend = (one: Model = MessageView, batch: Model = MessageBatch) =>
  applyDecorators(
    ApiExtraModels(AppendMessage, AppendMessages, one, batch),
    ApiIdempotencyKey(),
    ApiBody({
      schema: oneOf(AppendMessage, AppendMessages),
      examples: {
        one: { value: { role: 'user', content: 'Find me a hotel in Tokyo.' } },
        turn: {
          value: {
            messages: [
              {
                role: 'assistant',
                content: null,
                tool_calls: [
                  { id: 'call_1', type: 'function', function: { name: 'search', arguments: '{"city": "Tokyo"}' } },
                ],
              },
              { role: 'tool', tool_call_id: 'call_1', name: 'search', content: '3 hotels' },
            ],
          },
        },
      },
    }),
    ApiResponse({
      status: 201,
      description: 'Stored: the message, or the batch.',
      schema: oneOf(one, batch),
    }),
    ApiResponse({
      status: 200,
      description: 'Nothing new: a retry, an empty batch, or persist=false.',
      schema: oneOf(one, batch),
    }),
  );
