import { type ImportedSummary, withIds } from './conversation';

const summary = (from_seq: number, created_at: string, reads = { count: 0 }): ImportedSummary => ({
  get from_seq() {
    reads.count += 1;
    return from_seq;
  },
  ...{ to_seq: from_seq, content: 'Said', token_count: 1, created_by: 'local', automatic: false, created_at },
});

describe('Ids of imported summaries', () => {
  it('F46 keep those of one range in their order, whatever their times', () => {
    const [a, b, c] = withIds([
      summary(1, '2024-05-01T00:00:00.000Z'),
      summary(2, '2024-01-01T00:00:00.000Z'),
      summary(1, '2024-02-01T00:00:00.000Z'),
    ]);
    expect(c.id > a.id).toBe(true);
    expect(b.id < a.id).toBe(true);
  });

  it('F46 are made in one pass: each is looked at some times, not once for each other one', () => {
    const reads = { count: 0 };
    const parse = jest.spyOn(Date, 'parse');
    const list = Array.from({ length: 2000 }, () => summary(1, '2024-01-01T00:00:00.000Z', reads));
    const ids = withIds(list).map(({ id }) => id);
    expect(parse.mock.calls.length).toBeLessThanOrEqual(2 * list.length);
    expect(reads.count).toBeLessThanOrEqual(4 * list.length);
    expect([...ids].sort()).toEqual(ids);
    parse.mockRestore();
  });
});
