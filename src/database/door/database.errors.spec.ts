import { mapPgError } from './database.errors';

const refused = (code: string) => Object.assign(new Error('refused'), { code });

describe('What PostgreSQL refuses', () => {
  it.each([
    ['25006', 'a standby'],
    ['25P03', 'a transaction that was idle for too long'],
    ['57P05', 'a session that was idle for too long'],
    ['57P01', 'an administrator'],
    ['53300', 'too many connections'],
    ['40P01', 'a deadlock'],
  ])('R4 %s (%s) is 503 with Retry-After', (code) =>
    expect(mapPgError(refused(code))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      status: 503,
      headers: { 'retry-after': '1' },
    }),
  );

  it.each(['25001', '42P01', '57014X'])('%s stays what it is', (code) =>
    expect(mapPgError(refused(code))).toMatchObject({ code }),
  );
});
