import type { Type } from '@nestjs/common';
import { commonErrors, Problem } from '../../common/errors';
import { validateAs } from '../../http/request/validation.pipe';
import { idAt } from '../../common/ids';
import { parseTime } from '../../common/json';
import type { ImportedMessage } from '../../messages';
import type { AutoSummarize, ThreadStatus } from '../../threads';
import type { ConversationHead, SessionPart, SummaryPart } from '../transfer.dto';

/** What is stored of an imported conversation in its thread's row. */
export interface ImportedThread {
  name: string;
  metadata: Record<string, unknown>;
  status: ThreadStatus;
  auto_summarize: AutoSummarize | null;
  last_seq: number;
  created_at: string;
  updated_at: string;
}

export type ImportedSession = Omit<SessionPart, 'created_at' | 'updated_at'> & { created_at: string };

export type ImportedSummary = Required<Omit<SummaryPart, 'created_at' | 'updated_at'>> & { created_at: string };

/** A conversation that is valid and counted, ready to be stored. */
export interface Conversation {
  thread: ImportedThread;
  session?: ImportedSession;
  summaries: ImportedSummary[];
  messages: ImportedMessage[];
  /** Whether it is an export of ours. */
  stored: boolean;
}

export const isoTime = (value: unknown): string | undefined => parseTime(value)?.toISOString();

/** What is said of a thread, and what is taken where nothing is said: its times are those of its messages. */
export function threadOf(head: ConversationHead, messages: ImportedMessage[], now: string): ImportedThread {
  const { name, metadata = {}, status = 'active', auto_summarize = null, last_seq = 0 } = head;
  return {
    name: name?.trim() ?? 'Imported conversation',
    metadata,
    status,
    auto_summarize,
    last_seq: Math.max(last_seq, messages.at(-1)?.seq ?? 0),
    ...timesOf(head, messages, now),
  };
}

function timesOf(head: ConversationHead, messages: ImportedMessage[], now: string) {
  const created_at = isoTime(head.created_at) ?? messages.at(0)?.created_at ?? now;
  const updated = isoTime(head.updated_at) ?? messages.at(-1)?.updated_at ?? created_at;
  // ISO texts sort like the times that they name.
  return { created_at, updated_at: updated > created_at ? updated : created_at };
}

/** Summaries with ids, which keep those of one range in their order. */
export function withIds(summaries: ImportedSummary[]): (ImportedSummary & { id: string })[] {
  const latest = new Map<number, number>();
  return summaries.map((summary, index) => {
    const { from_seq, created_at } = summary;
    const time = Math.max(Date.parse(created_at), latest.get(from_seq) ?? 0);
    latest.set(from_seq, time);
    return { ...summary, id: idAt(time, index) };
  });
}

/** Where a part stands in its conversation. */
interface PlaceOfPart {
  path?: string;
  /** Number of the first item, where the part is some of a list. */
  offset?: number;
}

/** A part of a conversation as its class; what is wrong is named by its place in the whole. @throws VALIDATION_FAILED */
export function checked<T extends object>(type: Type<T>, value: unknown, place: PlaceOfPart = {}): T {
  try {
    return validateAs(type, value, 'body') as T;
  } catch (error) {
    throw placed(place, error);
  }
}

/** An error of a part, which names the place in the whole. */
export function placed({ path = '', offset = 0 }: PlaceOfPart, error: unknown): unknown {
  if (!(error instanceof Problem) || !error.errors) return error;
  const errors = error.errors.map(({ field, message }) => {
    const place = placeOf(field, path, offset);
    return { field: place, message: message.replace(field, place) };
  });
  return error.with({ errors });
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
