import { isUtf8 } from 'node:buffer';
import type { FastifyBodyParser, FastifyContentTypeParser, FastifyInstance, FastifyRequest } from 'fastify';
import { commonErrors } from '../../common/errors';
import { assertStorable } from '../../common/json';
import { assertModest, type Measure, measureOf } from '../../common/json-size';
import type { Environment } from '../../config/variables';
import { settingsOf } from '../request/route-settings';

const JSON_TYPES = ['application/json', 'application/merge-patch+json'];
/** A JSON value in each line. */
const LINES_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
type SyncJsonParser = (
  request: FastifyRequest,
  text: string,
  done: (error: Error | null, value?: unknown) => void,
) => void;

/** How much a body may hold. */
interface BodyLimits extends Measure {
  bytes: number;
  /** On the routes that take many messages at once. */
  largeBytes: number;
}

/** What may stand around the largest thing that a body holds. */
const ENVELOPE_BYTES = 16 * 1024;

/** The limits of the configuration: a body that holds one thing may be as large as that thing. */
export function bodyLimits(env: Environment): BodyLimits {
  const { BODY_LIMIT_BYTES, MESSAGE_LIMIT_BYTES, METADATA_LIMIT_BYTES, MEMORY_VALUE_LIMIT_BYTES } = env;
  const largest = Math.max(MESSAGE_LIMIT_BYTES, METADATA_LIMIT_BYTES, MEMORY_VALUE_LIMIT_BYTES);
  return {
    bytes: Math.min(BODY_LIMIT_BYTES, largest + ENVELOPE_BYTES),
    largeBytes: BODY_LIMIT_BYTES,
    ...measureOf(env.MAX_VALUES, env.MAX_NESTING),
  };
}

/**
 * Takes JSON and nothing else, and of JSON only what can be stored and given back unchanged (C23).
 * Everything is checked here, once, so that no feature has to remember to.
 */
export function registerBodyParser(fastify: FastifyInstance, limits: BodyLimits): void {
  // Fastify's own refuses `__proto__` and `constructor.prototype` keys, which would poison what copies the body.
  const parseJson = fastify.getDefaultJsonParser('error', 'error') as SyncJsonParser;
  const parser: FastifyBodyParser<Buffer> = (request, bytes, done) => {
    // Many clients send the content type with every request: no bytes are no body.
    if (bytes.length === 0) return done(null, undefined);
    // Decoding would quietly replace what is not UTF-8, and store something else than was sent.
    if (!isUtf8(bytes)) return done(commonErrors.INVALID_JSON('it is not UTF-8'));
    const json = settingsOf(request).jsonComments ? withoutComments(bytes) : bytes;
    const tooMuch = problemOf(() => assertModest(json, limits));
    if (tooMuch) return done(tooMuch);
    parseJson(request, json.toString(), (error, value) => {
      if (error) return done(commonErrors.INVALID_JSON('it cannot be parsed, or has a key such as __proto__'));
      done(
        problemOf(() => assertStorable(value, limits.depth)),
        value,
      );
    });
  };
  fastify.addHook('onRoute', (route) => {
    const { largeBody } = (route.config ?? {}) as ReturnType<typeof settingsOf>;
    route.bodyLimit ??= largeBody ? limits.largeBytes : limits.bytes;
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, parser);
  fastify.addContentTypeParser(LINES_TYPES, handOver);
  fastify.addContentTypeParser('*', refuseUnlessEmpty);
}

/** Whether the handler of a request gets its body as a stream, as it arrives. */
export const streamsBody = (request: FastifyRequest): boolean =>
  settingsOf(request).takesLines === true &&
  LINES_TYPES.includes((request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase());

const handOver: FastifyContentTypeParser = (request, payload, done) => {
  if (streamsBody(request)) done(null, payload);
  else void refuseUnlessEmpty(request, payload, done);
};

/** Matches an unfinished string to its end: so that the search is linear, whatever is sent. */
const STRING_OR_COMMENT = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|#[^\n]*/g;

/** For the notebook's route, whose documented call has a `# comment` in its JSON. What is valid JSON stays as it is. */
const withoutComments = (bytes: Buffer) =>
  bytes.includes('#')
    ? Buffer.from(bytes.toString().replace(STRING_OR_COMMENT, (part) => (part.startsWith('#') ? '' : part)))
    : bytes;

function problemOf(check: () => void): Error | null {
  try {
    check();
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
