import { commonErrors } from './errors';

export { uuidv7 as newId } from 'uuidv7';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const CONTROL = /[\p{Cc}\p{Cs}]/u;

export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);

/** Whether a text may be an id of a caller's choosing: 1 to 255 characters, none of them a control character (X09). */
export const isPlainId = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= 255 && !CONTROL.test(value);

/** @throws INVALID_ID */
export function checkId(name: string, value: string): string {
  if (!isPlainId(value)) throw commonErrors.INVALID_ID(name);
  return value;
}
