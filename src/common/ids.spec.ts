import { checkId, idAt, isPlainId, isUuid, newId } from './ids';

describe('ids', () => {
  it('are UUIDs, version 7, that sort by their making', () => {
    const ids = Array.from({ length: 1000 }, () => newId());
    expect(ids.every((id) => isUuid(id) && id[14] === '7')).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1000);
  });

  it('F46 are made of an earlier time too, and sort by it and by their place', () => {
    const times = [0, 1, 1_700_000_000_123, Date.now()];
    const places = [0, 1, 63, 64, 4095, 2 ** 20 - 1, 2 ** 20, 2 ** 32 - 1];
    const ids = times.flatMap((time) => places.map((place) => idAt(time, place)));
    expect(ids.every((id) => isUuid(id) && id[14] === '7' && /[89ab]/.test(id[19]))).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(ids.slice(-1)[0] < newId()).toBe(true);
    expect(new Set(Array.from({ length: 1000 }, () => idAt(5, 5))).size).toBe(1000);
  });

  it.each(['', 'x', '019a0000-0000-7000-8000-00000000000', '019a0000000070008000000000000001', ' ', null, 7, {}])(
    'X09 %p is no UUID',
    (value) => expect(isUuid(value)).toBe(false),
  );

  it.each(['a', 'user_a@b.com', 'x'.repeat(255), 'Đà Nẵng', '👩‍👩‍👧', '__proto__', 'a/b', '%'])('X09 F67 takes %s', (id) =>
    expect(checkId('id', id)).toBe(id),
  );

  it.each(['', 'x'.repeat(256), '\0', 'a\nb', '\u007f', '\u0085', '\ud800', undefined, 7, null])(
    'X09 refuses %j',
    (id) => {
      expect(isPlainId(id)).toBe(false);
      expect(() => checkId('user_id', id as string)).toThrow(
        expect.objectContaining({ code: 'INVALID_ID', status: 400, message: expect.stringContaining('user_id') }),
      );
    },
  );
});
