import { readEventId, startOf, toEventId } from './live-position';

const ID = '0190a5c0-0000-7000-8000-0123456789ab';
const thread = { org_id: 'acme', id: ID, last_seq: 9, version: 20, now: 1000 };

describe('Positions of a stream', () => {
  it('are the ids of its events', () => {
    const position = { seq: 3, version: 7, at: 1_795_248_000 };
    expect(readEventId(toEventId(position, ID))).toEqual({ position, mark: '0123456789ab' });
    const lastEventId = '3.7.999.0123456789ab';
    expect(startOf(thread, { lastEventId, fromSeq: 1 })).toEqual({ seq: 3, version: 7, at: 999 });
    const within = { ...position, told: 2 };
    expect(readEventId(toEventId(within, ID))).toEqual({ position: within, mark: '0123456789ab' });
  });

  it('of another thread are none in this one', () => {
    const lastEventId = '3.7.999.0123456789ac';
    expect(startOf(thread, { lastEventId, fromSeq: 1 })).toEqual({ seq: 0, version: 0, at: 0 });
  });

  it('begin at a message, or now', () => {
    expect(startOf(thread, {})).toEqual({ seq: 9, version: 20, at: 1000 });
    expect(startOf(thread, { fromSeq: 1 })).toEqual({ seq: 0, version: 20, at: 1000 });
    // Beyond the end is the end: a number that nobody has had yet is no gap.
    expect(startOf(thread, { fromSeq: 500 })).toEqual({ seq: 9, version: 20, at: 1000 });
  });

  const MARK = '.0123456789ab';
  it.each([
    ...['1', '1.2', '1.2.3', '1.2.3.4', '1.2.3.0123456789abc', '1.2.3.0123456789aX', ' ', '1.2.3.0123456789ab.x'],
    ...['-1.2.3', '1.2.x', '1e3.1.1', '9999999999999999.1.1'].map((numbers) => numbers + MARK),
  ])('refuse what is none: %s', (text) => {
    expect(() => readEventId(text)).toThrow(expect.objectContaining({ code: 'INVALID_EVENT_ID', status: 400 }));
  });
});
