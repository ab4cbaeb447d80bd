import { toDate, toIsoTime } from './pg-types';

describe('Times of PostgreSQL', () => {
  it.each([
    ['2026-11-21 03:15:52.199+00', '2026-11-21T03:15:52.199Z'],
    ['2026-11-21 03:15:52.2+00', '2026-11-21T03:15:52.200Z'],
    ['2026-11-21 03:15:52+00', '2026-11-21T03:15:52.000Z'],
    ['2026-11-21 08:45:52.199+05:30', '2026-11-21T03:15:52.199Z'],
    ['2026-11-20 22:15:52.199-05', '2026-11-21T03:15:52.199Z'],
  ])('%s is %s', (text, expected) => {
    expect(toIsoTime(text)).toBe(expected);
    expect(toDate(text).toISOString()).toBe(expected);
  });
});
