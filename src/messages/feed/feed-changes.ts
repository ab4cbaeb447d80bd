import type { ChangeRow, MessagesFound } from './feed.repository';
import type { MessageRow } from '../message.entity';

/** How far a reader has come: all messages up to `seq` as they were at `version`, known of the database's second `at`. */
export interface FeedPosition {
  seq: number;
  version: number;
  at: number;
  /** Of the first change after `version`, the messages up to this number have been told, too. */
  told?: number;
}

/** What has happened, and how far the reader is once it knows. */
export type FeedEvent = { position: FeedPosition } & (
  | { kind: 'appended' | 'edited' | 'restored'; rows: MessageRow[] }
  | { kind: 'deleted'; seqs: number[] }
  | { kind: 'reset' }
);

/** A change of messages that a reader has. */
export type KnownChange = Omit<ChangeRow, 'seqs'> & {
  /** In order. */
  seqs: number[];
  /** Where somebody is who has heard of it. */
  position: FeedPosition;
};

/** The most messages that one batch brings along, and one change; of more the reader hears `reset`. */
const MAX_BROUGHT = 200;

/** What changes mean for a reader, by their order: without messages that it has not been given, or has been told of. */
export function knownChanges(changes: ChangeRow[], { seq, told = 0 }: FeedPosition): KnownChange[] {
  return changes.map(({ seqs, ...change }, index) => ({
    ...change,
    seqs: (seqs ?? []).filter((number) => number <= seq && (index > 0 || number > told)).sort((a, b) => a - b),
    position: { seq, version: change.version, at: change.at },
  }));
}

/** Whether a reader has to read the thread anew. */
export const isTooMuch = (changes: KnownChange[]) =>
  changes.some((change) => change.kind === 'reset' || (brings(change) && change.seqs.length > MAX_BROUGHT));

/** The first changes that touch no more than MAX_BROUGHT messages together; at least one. */
export function firstOf(changes: KnownChange[]): KnownChange[] {
  let brought = 0;
  const end = changes.findIndex(({ seqs }) => (brought += seqs.length) > MAX_BROUGHT);
  return end === -1 ? changes : changes.slice(0, Math.max(1, end));
}

/** The numbers of the messages that changes bring along, in the order in which they are needed. */
export const broughtBy = (changes: KnownChange[]) => [
  ...new Set(changes.filter(brings).flatMap((change) => change.seqs)),
];

/** The changes whose messages have been read: up to the first one that was not. Of a large change this is a part. */
export function readOf(changes: KnownChange[], { seqs }: MessagesFound): KnownChange[] {
  const read = new Set(seqs);
  const isUnread = (number: number) => !read.has(number);
  const end = changes.findIndex((change) => brings(change) && change.seqs.some(isUnread));
  if (end === -1) return changes;
  const change = changes[end];
  const part = change.seqs.slice(0, change.seqs.findIndex(isUnread));
  if (part.length === 0) return changes.slice(0, end);
  // Nothing lies between this change and the one before it.
  const position = { ...change.position, version: change.version - 1, told: part[part.length - 1] };
  return [...changes.slice(0, end), { ...change, seqs: part, position }];
}

/**
 * What changes mean for a reader who sees the messages as they are now; a later change says what is gone since. An edit
 * that a later change of the same message follows brings nothing new: the reader hears of the last one, whose version the
 * message has. What is restored several times comes with the last time; it comes even if it is edited then, so that no
 * edit is told of a message that the reader doesn't have. Whoever goes on behind one of the events hears of the same ones.
 */
export function toEvents(changes: KnownChange[], rows: MessageRow[]): FeedEvent[] {
  const now = new Map(rows.map((row) => [row.seq, row]));
  const later = { restored: new Set<number>(), any: new Set<number>() };
  const events: FeedEvent[] = [];
  for (const { kind, seqs, position } of changes.toReversed()) {
    if (kind === 'deleted') {
      if (seqs.length > 0) events.push({ kind, seqs, position });
    } else {
      const passed = kind === 'restored' ? later.restored : later.any;
      const told = seqs.flatMap((seq) => (passed.has(seq) ? [] : (now.get(seq) ?? [])));
      if (told.length > 0) events.push({ kind: kind as 'edited' | 'restored', rows: told, position });
    }
    for (const seq of seqs) {
      later.any.add(seq);
      if (kind === 'restored') later.restored.add(seq);
    }
  }
  return events.reverse();
}

const brings = ({ kind }: KnownChange) => kind !== 'deleted';
