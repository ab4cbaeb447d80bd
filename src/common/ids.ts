import { randomBytes, randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';
import { commonErrors } from './errors';

/** By the kilobyte: the library by itself asks for 32 random bytes at a time, which takes longer than all the rest. */
const numbers = new Uint32Array(1024);
let next = numbers.length;
const generator = new V7Generator({
  nextUint32: () => {
    if (next === numbers.length) {
      randomFillSync(numbers);
      next = 0;
    }
    return numbers[next++];
  },
});

/** A new UUIDv7: those of one process sort by the order in which they were made. */
export const newId = (): string => generator.generate().toString();

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

/**
 * A UUIDv7 of an earlier moment, for what is brought in with its old times: ids sort by `time`, then by `place`.
 * @param time in milliseconds since 1970
 * @param place number of the item among those of one moment, up to 2^32
 */
export function idAt(time: number, place: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const [high, low] = [Math.floor(place / 2 ** 20) % 2 ** 12, place % 2 ** 20];
  const random = randomBytes(6).readUIntBE(0, 6) % 2 ** 42;
  const moment = hex(time, 12);
  const tail = hex((low % 64) * 2 ** 42 + random, 12);
  return `${moment.slice(0, 8)}-${moment.slice(8)}-7${hex(high, 3)}-${hex(0x8000 + Math.floor(low / 64), 4)}-${tail}`;
}
