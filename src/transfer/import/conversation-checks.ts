import type { Type } from '@nestjs/common';
import { commonErrors, Problem } from '../../common/errors';
import { validateAs } from '../../http/request/validation.pipe';
import type { ImportedSummary } from './conversation';

/** Where a part stands in its conversation. */
export interface PlaceOfPart {
  path?: string;
  /** Number of the first item, where the part is some of a list. */
  offset?: number;
}

/** A part of a conversation as its class. @throws VALIDATION_FAILED */
export const checked = <T extends object>(type: Type<T>, value: unknown, place: PlaceOfPart = {}): T =>
  at(place, () => validateAs(type, value, 'body') as T);

/** Does something with a part; what is wrong is named by its place in the whole. @throws what `work` throws */
export function at<T>({ path = '', offset = 0 }: PlaceOfPart, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Problem) || !error.errors) throw error;
    const errors = error.errors.map(({ field, message }) => {
      const place = placeOf(field, path, offset);
      return { field: place, message: message.replace(field, place) };
    });
    throw error.with({ errors });
  }
}

function placeOf(field: string, path: string, offset: number): string {
  const inList = field.replace(
    /^(messages|summaries)\.(\d+)/,
    (_, list: string, i: string) => `${list}.${Number(i) + offset}`,
  );
  if (!path) return inList;
  return field === 'body' ? path : `${path}.${inList}`;
}

/** @throws VALIDATION_FAILED for a range that ends before it begins, or two summaries that no thread has together */
export function checkSummaries(summaries: ImportedSummary[]): ImportedSummary[] {
  const automatic = new Set<number>();
  for (const [i, summary] of summaries.entries()) {
    if (summary.to_seq < summary.from_seq) throw invalid(`summaries.${i}.to_seq`, 'must not be below from_seq');
    if (!summary.automatic) continue;
    if (automatic.has(summary.from_seq))
      throw invalid(`summaries.${i}.from_seq`, 'is that of another automatic summary');
    automatic.add(summary.from_seq);
  }
  return summaries;
}

/** What is wrong with one field. */
export const invalid = (field: string, what: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message: `${field} ${what}` }] });
