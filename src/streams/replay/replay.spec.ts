import type { MessageRow } from '../../messages/message.entity';
import { saidAt, waitBetween } from './replay-reader';
import { readReplayId, ReplayTurns, toReplayId } from './replay-turns';

describe('The pace of a replay', () => {
  const AT_ONCE = { speed: Infinity, maxGapMs: 2000 };

  it.each([
    ['the first turn', undefined, 5000, { speed: 1, maxGapMs: 2000 }, 0],
    ['as it was', 1000, 2500, { speed: 1, maxGapMs: 2000 }, 1500],
    ['three times as fast', 1000, 2500, { speed: 3, maxGapMs: 2000 }, 500],
    ['slower', 1000, 1500, { speed: 0.5, maxGapMs: 2000 }, 1000],
    ['a night', 0, 36_000_000, { speed: 1, maxGapMs: 2000 }, 2000],
    ['a night, in whole', 0, 36_000_000, { speed: 1, maxGapMs: Infinity }, 36_000_000],
    ['a clock that went back', 2500, 1000, { speed: 1, maxGapMs: 2000 }, 0],
    ['without waiting', 0, 36_000_000, AT_ONCE, 0],
  ])('N33 %s', (_, previous, next, pace, expected) => {
    expect(waitBetween(previous, next, pace)).toBe(expected);
  });

  it("N33 is that of the caller's clock, where there is one", () => {
    const created_at = '2026-01-01T00:00:10.000Z';
    expect(saidAt({ client_timestamp: '2026-01-01T00:00:01.500Z', created_at })).toBe(
      Date.UTC(2026, 0, 1, 0, 0, 1, 500),
    );
    expect(saidAt({ client_timestamp: null, created_at })).toBe(Date.UTC(2026, 0, 1, 0, 0, 10));
  });
});

describe('Turns', () => {
  const rows = (roles: string, first = 1) =>
    [...roles].map((letter, index) => {
      const role = { s: 'system', u: 'user', a: 'assistant', t: 'tool' }[letter];
      return { seq: first + index, role } as MessageRow;
    });
  const split = (pages: MessageRow[][], position = { seq: 0, turn: 0 }) => {
    const turns = new ReplayTurns(position);
    return [...pages.flatMap((page) => turns.take(page)), ...turns.rest()].map(
      (turn) => `${turn.index}${turn.continued ? '+' : ''}:${turn.rows.map(({ seq }) => seq).join()}`,
    );
  };

  it('N33 begin with a user, what stands before is turn 0', () => {
    expect(split([rows('ssuataua')])).toEqual(['0:1,2', '1:3,4,5,6', '2:7,8']);
    expect(split([rows('uauu')])).toEqual(['1:1,2', '2:3', '3:4']);
    expect(split([rows('aau')])).toEqual(['0:1,2', '1:3']);
    expect(split([[]])).toEqual([]);
  });

  it('N33 are the same however the pages are cut', () => {
    const all = rows('suatauaaus');
    for (let size = 1; size <= all.length; size += 1) {
      const pages = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
      expect(split(pages)).toEqual(split([all]));
    }
  });

  it('N33 go on where they stopped', () => {
    expect(split([rows('aua', 5)], { seq: 4, turn: 2 })).toEqual(['2+:5', '3:6,7']);
    expect(split([rows('ua', 5)], { seq: 4, turn: 2 })).toEqual(['3:5,6']);
  });

  it('N33 of many messages come in parts', () => {
    const turns = split([rows(`u${'a'.repeat(249)}u`)]);
    expect(turns.map((turn) => turn.split(':')[0])).toEqual(['1', '1+', '1+', '2']);
    expect(turns.map((turn) => turn.split(',').length)).toEqual([100, 100, 50, 1]);
  });
});

describe('Ids of turns', () => {
  it('N33 say where to go on, and where the replay ends', () => {
    const id = toReplayId({ seq: 7, turn: 3 }, 20, '0190a5c0-0000-7000-8000-0123456789ab');
    expect(readReplayId(id)).toEqual({ position: { seq: 7, turn: 3 }, upTo: 20, mark: '0123456789ab' });
    for (const id of ['', '1', '1.2', '1.2.3', 'a.b.c.0123456789ab', '1.2.3.4', '1.2.3.0123456789abc'])
      expect(() => readReplayId(id)).toThrow(expect.objectContaining({ code: 'INVALID_TURN_ID', status: 400 }));
  });
});
