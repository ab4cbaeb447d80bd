import type { IncomingMessage } from 'node:http';
import { newId } from '../../common/ids';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's `X-Request-Id` if it may stand in a header and in a log line, else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && ACCEPTED.test(id) ? id : newId();
}
