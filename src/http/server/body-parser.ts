import { isUtf8 } from 'node:buffer';
import type { FastifyBodyParser, FastifyContentTypeParser, FastifyInstance, FastifyRequest } from 'fastify';
import { commonErrors } from '../../common/errors';
import { assertStorable } from '../../common/json';

const JSON_TYPES = ['application/json', 'application/merge-patch+json'];
/** A JSON value in each line. */
const LINES_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
type SyncJsonParser = (
  request: FastifyRequest,
  text: string,
  done: (error: Error | null, value?: unknown) => void,
) => void;

/** What a route's `@RouteConfig` says of its body. */
interface BodyConfig {
  /** Comments are allowed: see `withoutComments`. */
  jsonComments?: boolean;
  /** Lines of JSON come as a stream, of any size: the handler reads it, and checks what it reads. */
  takesLines?: boolean;
}

/**
 * Takes JSON and nothing else, and of JSON only what can be stored and given back unchanged (C23).
 * Everything is checked here, once, so that no feature has to remember to.
 */
export function registerBodyParser(fastify: FastifyInstance, maxNesting: number): void {
  // Fastify's own refuses `__proto__` and `constructor.prototype` keys, which would poison what copies the body.
  const parseJson = fastify.getDefaultJsonParser('error', 'error') as SyncJsonParser;
  const parser: FastifyBodyParser<Buffer> = (request, bytes, done) => {
    // Many clients send the content type with every request: no bytes are no body.
    if (bytes.length === 0) return done(null, undefined);
    // Decoding would quietly replace what is not UTF-8, and store something else than was sent.
    if (!isUtf8(bytes)) return done(commonErrors.INVALID_JSON('it is not UTF-8'));
    const text = bytes.toString();
    parseJson(request, bodyConfig(request).jsonComments ? withoutComments(text) : text, (error, value) => {
      if (error) return done(commonErrors.INVALID_JSON('it cannot be parsed, or has a key such as __proto__'));
      done(storabilityError(value, maxNesting), value);
    });
  };
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, parser);
  fastify.addContentTypeParser(LINES_TYPES, handOver);
  fastify.addContentTypeParser('*', refuseUnlessEmpty);
}

const bodyConfig = (request: FastifyRequest): BodyConfig => (request.routeOptions.config ?? {}) as BodyConfig;

/** Whether the handler of a request gets its body as a stream, as it arrives. */
export const streamsBody = (request: FastifyRequest): boolean =>
  bodyConfig(request).takesLines === true &&
  LINES_TYPES.includes((request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase());

const handOver: FastifyContentTypeParser = (request, payload, done) => {
  if (streamsBody(request)) done(null, payload);
  else void refuseUnlessEmpty(request, payload, done);
};

/** Matches an unfinished string to its end: so that the search is linear, whatever is sent. */
const STRING_OR_COMMENT = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|#[^\n]*/g;

/** For the notebook's route, whose documented call has a `# comment` in its JSON. What is valid JSON stays as it is. */
const withoutComments = (text: string) =>
  text.includes('#') ? text.replace(STRING_OR_COMMENT, (part) => (part.startsWith('#') ? '' : part)) : text;

function storabilityError(value: unknown, maxNesting: number): Error | null {
  try {
    assertStorable(value, maxNesting);
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** `curl -X POST -d ''` names a form as its type, and sends nothing: that is no body. */
const refuseUnlessEmpty: FastifyContentTypeParser = ({ headers }, _payload, done) => {
  const isEmpty = headers['content-length'] === '0' && headers['transfer-encoding'] === undefined;
  done(isEmpty ? null : commonErrors.JSON_ONLY());
};
