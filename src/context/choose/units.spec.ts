import { sendable, toUnits } from './units';

const said = (role: 'user' | 'assistant' = 'user') => ({ role, tool_calls: null, tool_call_id: null });
const calls = (...ids: string[]) => ({
  role: 'assistant' as const,
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
  tool_call_id: null,
});
const result = (tool_call_id: string | null) => ({ role: 'tool' as const, tool_calls: null, tool_call_id });
type Row = ReturnType<typeof said> | ReturnType<typeof calls> | ReturnType<typeof result>;

/** The units by the positions of their messages, with their states. */
function unitsOf(...rows: Row[]) {
  const entries = rows.map((row) => ({ row, tokens: 1 }));
  return toUnits(entries).map((unit) => [unit.state, ...unit.entries.map((entry) => entries.indexOf(entry))]);
}

describe('toUnits', () => {
  it('C50 takes parallel calls and their results for one', () =>
    expect(unitsOf(said(), calls('a', 'b'), result('b'), result('a'), said('assistant'))).toEqual([
      ['whole', 0],
      ['whole', 1, 2, 3],
      ['whole', 4],
    ]));

  it('C50 takes nested calls apart, in the order of their ends', () =>
    expect(unitsOf(calls('a'), calls('b'), said(), result('b'), result('a'))).toEqual([
      ['whole', 2],
      ['whole', 1, 3],
      ['whole', 0, 4],
    ]));

  it('knows results without a call, calls without a result, and second results', () =>
    expect(unitsOf(result('x'), calls('a', 'b'), result('a'), result('a'), result(null))).toEqual([
      ['orphan', 0],
      ['open', 1, 2],
      ['orphan', 3],
      ['whole', 4],
    ]));

  it('gives a result to the nearest call of its id', () =>
    expect(unitsOf(calls('a'), result('a'), calls('a'), calls('a'), result('a'))).toEqual([
      ['whole', 0, 1],
      ['open', 2],
      ['whole', 3, 4],
    ]));
});

describe('sendable', () => {
  const kept = (newestMayWait: boolean, ...rows: Row[]) =>
    sendable(toUnits(rows.map((row) => ({ row, tokens: 1 }))), newestMayWait).map(({ state }) => state);

  it('leaves out what no provider takes', () => {
    expect(kept(true, result('x'), calls('a'), said())).toEqual(['whole']);
    expect(kept(true, said(), calls('a', 'b'), result('a'))).toEqual(['whole', 'open']);
    expect(kept(false, said(), calls('a', 'b'), result('a'))).toEqual(['whole']);
    expect(kept(true, said(), calls('a'), result('x'))).toEqual(['whole', 'open']);
  });
});
