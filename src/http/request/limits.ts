import { commonErrors } from '../../common/errors';
import { exceedsJsonBytes, parseBound } from '../../common/json';

/**
 * A range of time, from inclusive, to exclusive (F48).
 * @throws INVALID_RANGE
 */
export function timeRange(name: string, from?: unknown, to?: unknown): { from?: Date; to?: Date } {
  const range = { from: parseBound(from), to: parseBound(to) };
  if (range.from && range.to && range.from > range.to) throw commonErrors.INVALID_RANGE(name);
  return range;
}

/** @throws METADATA_TOO_LARGE */
export function checkMetadata(metadata: unknown, maxBytes: number): void {
  if (metadata !== undefined && exceedsJsonBytes(metadata, maxBytes)) throw commonErrors.METADATA_TOO_LARGE(maxBytes);
}

/** @throws TOO_MANY_ITEMS */
export function checkCount(items: readonly unknown[], maximum: number): void {
  if (items.length > maximum) throw commonErrors.TOO_MANY_ITEMS(maximum);
}

/**
 * Whether a patch says anything: JSON leaves out what is undefined, and merging an empty object changes nothing.
 * @param merged objects that are merged into what is there
 */
export const saysAnything = (values: object, ...merged: (object | null | undefined)[]): boolean =>
  Object.values(values).some((value) => value !== undefined) ||
  merged.some((object) => Object.keys(object ?? {}).length > 0);
