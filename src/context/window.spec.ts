import { newestWithin } from './window';

const said = (token_count: number) => ({ token_count, tool_calls: null, tool_call_id: null });
const calls = (id: string, token_count = 1) => ({
  token_count,
  tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }],
  tool_call_id: null,
});
const result = (id: string, token_count = 1) => ({ token_count, tool_calls: null, tool_call_id: id });

describe('newestWithin', () => {
  it('P25 keeps the newest messages that fit', () => {
    const rows = [said(10), said(10), said(10)];
    expect(newestWithin(rows, 25)).toEqual(rows.slice(1));
    expect(newestWithin(rows, 30)).toEqual(rows);
    expect(newestWithin([], 30)).toEqual([]);
  });

  it('C29 keeps the newest message, whatever it counts', () => {
    expect(newestWithin([said(1), said(50)], 10)).toEqual([said(50)]);
  });

  it('keeps a call with its result, or neither', () => {
    const rows = [calls('a', 10), result('a', 10), said(10)];
    expect(newestWithin(rows, 20)).toEqual([said(10)]);
    expect(newestWithin(rows, 30)).toEqual(rows);
  });

  it('leaves a result out whose call is further back than was read', () => {
    expect(newestWithin([result('x'), said(1)], 100)).toEqual([said(1)]);
    expect(newestWithin([result('x')], 100)).toEqual([result('x')]);
  });
});
