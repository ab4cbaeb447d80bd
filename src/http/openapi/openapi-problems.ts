import type { OpenAPIObject } from '@nestjs/swagger';
import { METHODS } from './openapi-components';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];
type Declared = Record<string, { description?: string; content?: object; $ref?: string }>;

const WITH_BODY = ['put', 'post', 'patch'];

/** What any route can end in: the name of the answer among the components, and its meaning. */
const PROBLEMS: Record<string, [name: string, meaning: string]> = {
  400: ['BadRequest', 'The request is not valid.'],
  401: ['Unauthorized', 'There are no credentials, or they are not valid.'],
  403: ['Forbidden', 'The role of the caller may not do this.'],
  404: ['NotFound', 'It does not exist, or the caller may not see it.'],
  409: ['Conflict', 'It conflicts with what is stored.'],
  413: ['BodyTooLarge', 'The body is too large.'],
  415: ['JsonOnly', 'The body is not JSON.'],
  503: [
    'Unavailable',
    'The database cannot be reached, or the server is shutting down; `Retry-After` says when to try again.',
  ],
};

const text = (description: string, example?: string) => ({ type: 'string', description, ...(example && { example }) });

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457. Further members, such as `current_version`, depend on the code.',
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: text('Always `about:blank`.', 'about:blank'),
    title: text('The code, for people.', 'Thread not found'),
    status: { type: 'integer', description: 'The HTTP status.', example: 404 },
    detail: text('What is wrong with this request.'),
    code: text('Stable; see the table of error codes.', 'THREAD_NOT_FOUND'),
    request_id: text('The `X-Request-Id` of the request; the log has it too.'),
    errors: {
      type: 'array',
      description: 'What is wrong, by field.',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: text('Dotted path.', 'messages.2.role'), message: text('What it must be.') },
      },
    },
  },
  additionalProperties: true,
};

const CONTENT = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

/** Gives every operation the problems that any of its kind can end in; what a controller declares itself stays. */
export function addProblems(document: OpenAPIObject): OpenAPIObject {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) operation.responses = withProblems(operation.responses, statuses(method, path, operation));
    }
  }
  const components = document.components ?? {};
  const schemas = { ...components.schemas, Problem: PROBLEM } as NonNullable<typeof components.schemas>;
  const named = Object.values(PROBLEMS).map(([name, description]) => [name, { description, content: CONTENT }]);
  const responses = Object.fromEntries(named) as NonNullable<typeof components.responses>;
  return { ...document, components: { ...components, schemas, responses } };
}

function statuses(method: string, path: string, operation: Operation): string[] {
  const isPublic = !operation.security?.length;
  return [
    '400',
    ...(isPublic ? [] : ['401', '403']),
    ...(path.includes('{') ? ['404'] : []),
    ...(WITH_BODY.includes(method) ? ['409', '413', '415'] : []),
    '503',
  ];
}

function withProblems(declared: Responses, defaults: string[]): Responses {
  const responses = { ...declared } as Declared;
  for (const status of defaults) responses[status] ??= {};
  for (const [status, response] of Object.entries(responses)) {
    if (Number(status) < 400) continue;
    const [name, meaning] = PROBLEMS[status] ?? [undefined, ''];
    const isPlain = name !== undefined && !response.description && !response.content;
    responses[status] = isPlain
      ? { $ref: `#/components/responses/${name}` }
      : { content: CONTENT, ...response, description: response.description || meaning };
  }
  return responses as Responses;
}
