import { commonErrors } from '../common/errors';
import { parseTime } from '../common/json';

interface Ending {
  expires_in_seconds?: number;
  expires_at?: string | number | null;
}

/**
 * When a share is to end.
 * @returns null for never, `undefined` if nothing is said of it
 * @throws VALIDATION_FAILED
 */
export function expiryOf({ expires_in_seconds: seconds, expires_at }: Ending): Date | null | undefined {
  if (seconds !== undefined && expires_at !== undefined) {
    throw invalid('expires_at', 'only one of expires_at and expires_in_seconds can be given');
  }
  if (seconds !== undefined) return new Date(Date.now() + seconds * 1000);
  if (expires_at === undefined || expires_at === null) return expires_at;
  const time = parseTime(expires_at);
  if (!time || time.getTime() <= Date.now()) throw invalid('expires_at', 'expires_at must be in the future');
  return time;
}

export const invalid = (field: string, message: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message }] });
