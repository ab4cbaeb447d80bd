import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { build as makePretty } from 'pino-pretty';

const SECRET_HEADERS = ['authorization', 'cookie', 'set-cookie', 'proxy-authorization'];
const REDACTED = SECRET_HEADERS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.headers["${name}"]`]);

/** The one log of a process: JSON lines on stdout, made readable only when a person watches a terminal. */
export function makeLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    redact: { paths: REDACTED, censor: '***' },
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { req: describeRequest, res: describeReply },
  };
  if (destination) return pino(options, destination);
  // In this thread, not in a worker: the last lines before an exit must not be lost.
  return process.stdout.isTTY ? pino(options, makePretty({ sync: true, ignore: 'pid,hostname' })) : pino(options);
}

/** Fastify's own lines carry the request; its URL may hold users' ids, and its query content (X12). */
const describeRequest = (request: { id?: string; method?: string; routeOptions?: { url?: string } }) => ({
  request_id: request.id,
  method: request.method,
  route: request.routeOptions?.url,
});

const describeReply = (reply: { statusCode?: number }) => ({ status: reply.statusCode });

/** Where Nest tells of every module and route at each start: fifty lines that hide the few that matter. */
const NEST_CHATTER = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'RouterModule',
]);

/** Nest's log lines, in the same stream as all others. */
export class NestLogger implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log = (message: unknown, ...rest: unknown[]) => this.write('info', message, rest);
  error = (message: unknown, ...rest: unknown[]) => this.write('error', message, rest);
  warn = (message: unknown, ...rest: unknown[]) => this.write('warn', message, rest);
  debug = (message: unknown, ...rest: unknown[]) => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]) => this.write('trace', message, rest);
  fatal = (message: unknown, ...rest: unknown[]) => this.write('fatal', message, rest);

  /** Nest passes the context last, and before it, for an error, the stack. */
  private write(level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]) {
    const context = rest.at(-1);
    const stack = rest.length > 1 ? { stack: rest[0] } : {};
    const fields = { context, ...stack };
    const severity = level === 'info' && NEST_CHATTER.has(String(context)) ? 'debug' : level;
    if (message instanceof Error) this.pino[severity]({ ...fields, err: message }, message.message);
    else if (typeof message === 'object' && message) this.pino[severity]({ ...fields, ...message });
    else this.pino[severity](fields, `${message as string}`);
  }
}
