import { isUuid } from '../../common/ids';
import { decodeCursor, toPage } from './paging';

const isNumber = (part: unknown) => typeof part === 'number';
const encode = (text: string) => Buffer.from(text).toString('base64url');
const page = (rows: number[], limit: number) =>
  toPage(
    rows,
    limit,
    (row) => ({ row }),
    (row) => [row],
  );

describe('toPage', () => {
  it('U41 cuts the row that only tells of more, and points at the last one shown', () => {
    const { data, has_more, next_cursor } = page([1, 2, 3, 4], 3);
    expect([data, has_more]).toEqual([[{ row: 1 }, { row: 2 }, { row: 3 }], true]);
    expect(decodeCursor(next_cursor!, [isNumber])).toEqual([3]);
  });

  it('has no cursor on the last page', () =>
    expect(page([1, 2, 3], 3)).toEqual({
      data: [{ row: 1 }, { row: 2 }, { row: 3 }],
      has_more: false,
      next_cursor: null,
    }));

  it.each([[[]], [[1, 2]]])('C06 is empty for a limit of 0', (rows) =>
    expect(page(rows, 0)).toEqual({ data: [], has_more: false, next_cursor: null }),
  );
});

describe('decodeCursor', () => {
  it('is absent when there is none', () => expect(decodeCursor(undefined, [isNumber])).toBeUndefined());

  it.each(['', '!', '%00', encode('x'), encode('{}'), encode('7'), encode('null'), encode('[]'), encode('["1"]')])(
    'X07 refuses %j',
    (cursor) =>
      expect(() => decodeCursor(cursor, [isNumber])).toThrow(
        expect.objectContaining({ code: 'INVALID_CURSOR', status: 400 }),
      ),
  );

  it('X07 refuses the cursor of another sort', () => {
    const cursor = encode('[1,"019a0000-0000-7000-8000-000000000001"]');
    expect(decodeCursor(cursor, [isNumber, isUuid])).toHaveLength(2);
    for (const checks of [[isNumber], [isUuid, isNumber], [isNumber, isUuid, isUuid]]) {
      expect(() => decodeCursor(cursor, checks)).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
    }
  });
});
