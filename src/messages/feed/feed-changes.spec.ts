import { broughtBy, firstOf, isTooMuch, knownChanges, readOf, toEvents } from './feed-changes';
import type { ChangeRow } from './feed.repository';
import type { MessageRow } from '../message.entity';

type Written = [kind: ChangeRow['kind'], ...seqs: number[]];

const written = (...changes: Written[]): ChangeRow[] =>
  changes.map(([kind, ...seqs], index) => ({ version: 11 + index, kind, seqs, at: 100 + index }));
const rowsOf = (...seqs: number[]) => seqs.map((seq) => ({ seq })) as MessageRow[];
const START = { seq: 9, version: 10, at: 100 };

/** What a reader hears of changes, when these messages are there now: the version, the kind and the numbers. */
const heard = (changes: ChangeRow[], there: number[], position = START) =>
  toEvents(knownChanges(changes, position), rowsOf(...there)).map((event) => {
    const seqs = 'rows' in event ? event.rows.map(({ seq }) => seq) : 'seqs' in event ? event.seqs : [];
    return [event.position.version, event.kind, ...seqs];
  });

describe('Changes of messages, as a reader hears of them', () => {
  it('N33 bring each message once, in the last change that touches it', () => {
    const edits = written(...Array.from({ length: 30 }, (): Written => ['edited', 1]));
    expect(heard(edits, [1])).toEqual([[40, 'edited', 1]]);
    expect(heard(written(['edited', 1, 2], ['edited', 2, 3]), [1, 2, 3])).toEqual([
      [11, 'edited', 1],
      [12, 'edited', 2, 3],
    ]);
    expect(heard(written(['edited', 1], ['deleted', 1], ['restored', 1]), [1])).toEqual([
      [12, 'deleted', 1],
      [13, 'restored', 1],
    ]);
    expect(heard(written(['edited', 1, 2], ['deleted', 1]), [2])).toEqual([
      [11, 'edited', 2],
      [12, 'deleted', 1],
    ]);
  });

  it('N33 never edit a message that the reader has not', () => {
    const changes = written(['deleted', 1], ['restored', 1, 2], ['edited', 1], ['edited', 1]);
    expect(heard(changes, [1, 2])).toEqual([
      [11, 'deleted', 1],
      [12, 'restored', 1, 2],
      [14, 'edited', 1],
    ]);
  });

  it('N33 are the same behind each event as without a break', () => {
    const kinds: ChangeRow['kind'][] = ['edited', 'edited', 'deleted', 'restored', 'edited'];
    const changes = written(
      ...Array.from({ length: 40 }, (_, index): Written => [kinds[(index * 7) % 5], (index % 4) + 1, (index % 3) + 5]),
    );
    const there = [1, 2, 4, 5, 7];
    const all = heard(changes, there);
    expect(all.length).toBeGreaterThan(5);
    for (const [index, [version]] of all.entries()) {
      const after = changes.filter((change) => change.version > Number(version));
      expect(heard(after, there)).toEqual(all.slice(index + 1));
    }
  });

  it('N33 leave out what the reader has not been given, and what it was told of a part', () => {
    const changes = written(['restored', 3, 8, 1, 12], ['edited', 1]);
    expect(knownChanges(changes, { ...START, told: 1 }).map(({ seqs }) => seqs)).toEqual([[3, 8], [1]]);
    expect(broughtBy(knownChanges(changes, START))).toEqual([1, 3, 8]);
  });

  it('N33 end where the messages that were read end, within a change if need be', () => {
    const changes = knownChanges(written(['edited', 5], ['deleted', 9], ['restored', 1, 2, 5, 6]), START);
    expect(broughtBy(changes)).toEqual([5, 1, 2, 6]);
    const read = (...seqs: number[]) =>
      readOf(changes, { seqs, rows: [] }).map(({ seqs: told, position }) => [told, position]);
    const edited = [[5], { seq: 9, version: 11, at: 100 }];
    const deleted = [[9], { seq: 9, version: 12, at: 101 }];
    expect(read(5)).toEqual([edited, deleted]);
    expect(read(5, 1)).toEqual([edited, deleted, [[1], { seq: 9, version: 12, at: 102, told: 1 }]]);
    expect(read(5, 1, 2)).toEqual([edited, deleted, [[1, 2, 5], { seq: 9, version: 12, at: 102, told: 5 }]]);
    expect(read(5, 1, 2, 6)).toEqual([edited, deleted, [[1, 2, 5, 6], { seq: 9, version: 13, at: 102 }]]);
  });

  it('N33 come in batches, and are too much at once', () => {
    const many = Array.from({ length: 201 }, (_, index) => index + 1);
    const position = { ...START, seq: 500 };
    const known = (...changes: Written[]) => knownChanges(written(...changes), position);
    expect(isTooMuch(known(['restored', ...many]))).toBe(true);
    expect(isTooMuch(known(['reset']))).toBe(true);
    expect(isTooMuch(known(['deleted', ...many], ['edited', 1]))).toBe(false);
    expect(firstOf(known(['deleted', ...many], ['edited', 1]))).toHaveLength(1);
    expect(firstOf(known(['edited', ...many.slice(1)], ['edited', 1]))).toHaveLength(1);
    expect(firstOf(known(['edited', 1], ['edited', 2]))).toHaveLength(2);
  });
});
