import { Problem } from '../common/errors';
import { isObject } from '../http/request/fields';
import { modelErrors } from './models.errors';

const MAX_MESSAGE_LENGTH = 200;
const KEY_LIKE = /\b(?:sk|pk|rk|key)-[\w\-*.]{4,}|\bBearer\s+\S+/gi;

/** Statuses that may pass: the request is sent again, and in the end the model is unavailable rather than unwilling. */
export const mayPass = (status: number) => status === 429 || status >= 500;

/** A call that the provider answered, but not with a completion. */
export class FailedCall extends Error {
  /**
   * @param data the answer's JSON, if it is any
   * @param retryAfterMs when the provider wants to be asked again
   */
  constructor(
    readonly statusCode: number,
    readonly data?: unknown,
    readonly retryAfterMs?: number,
  ) {
    super(`status ${statusCode}`);
  }
}

/**
 * What a failed call to a provider means to our caller.
 * @param key is taken out of the provider's message, should that repeat it
 */
export function toProblem(error: unknown, key: string | undefined): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof FailedCall)) return modelErrors.MODEL_UNAVAILABLE(connectionReason(error));
  const { statusCode: status, data } = error;
  if (status < 300) return modelErrors.MODEL_UNAVAILABLE('its answer could not be read');
  const reason = [`status ${status}`, providerMessage(data, status, key)].filter(Boolean).join(', ');
  return mayPass(status) ? modelErrors.MODEL_UNAVAILABLE(reason) : modelErrors.MODEL_REFUSED(reason);
}

/** Whatever a provider says of keys stays with it: such messages hold the key, or most of it. */
function providerMessage(data: unknown, status: number, key: string | undefined): string | undefined {
  const message = member(member(data, 'error'), 'message');
  if (typeof message !== 'string' || status === 401 || status === 403) return undefined;
  const clean = (key ? message.replaceAll(key, '…') : message).replace(KEY_LIKE, '…').replace(/\s+/g, ' ').trim();
  const short = [...clean].slice(0, MAX_MESSAGE_LENGTH).join('').replace(/\.$/, '');
  return short && `"${short}"`;
}

/** The code alone: messages of the network name addresses inside. */
function connectionReason(error: unknown): string {
  for (let cause = error, depth = 0; cause !== undefined && depth < 8; cause = member(cause, 'cause'), depth += 1) {
    const code = member(cause, 'code');
    if (typeof code === 'string' && /^[A-Z_]+$/.test(code)) return `the connection failed, ${code}`;
  }
  return 'the connection failed or the answer broke off';
}

const member = (value: unknown, name: string): unknown =>
  isObject(value) || value instanceof Error ? (value as Record<string, unknown>)[name] : undefined;
