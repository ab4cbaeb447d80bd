import * as fc from 'fast-check';
import type { ModelMessage } from './chat-model.service';
import { toChatMessages } from './model-history';

const call = (id: string, args = '{}') => ({ id, type: 'function', function: { name: 'f', arguments: args } });
const calling = (...ids: string[]): ModelMessage => ({ role: 'assistant', tool_calls: ids.map((id) => call(id)) });
const result = (id: string, content = `result of ${id}`): ModelMessage => ({ role: 'tool', tool_call_id: id, content });
const user = (content: string): ModelMessage => ({ role: 'user', content });

/** The shape of a history: `user`, `f(a,b)` for calls, `=a,b` for the results that follow one another. */
const shapeOf = (messages: ModelMessage[]) =>
  toChatMessages(messages).reduce<string[]>((shape, message) => {
    const before = shape.at(-1);
    if (message.role === 'tool' && before?.startsWith('='))
      shape[shape.length - 1] = `${before},${message.tool_call_id}`;
    else if (message.role === 'tool') shape.push(`=${message.tool_call_id}`);
    else if (message.role === 'assistant' && message.tool_calls)
      shape.push(`f(${message.tool_calls.map(({ id }) => id).join()})`);
    else shape.push(message.role);
    return shape;
  }, []);

describe('toChatMessages', () => {
  it('keeps calls and results together', () =>
    expect(shapeOf([user('q'), calling('a', 'b'), result('b'), result('a'), user('q')])).toEqual([
      ...['user', 'f(a,b)', '=a,b', 'user'],
    ]));

  it('moves a late result to its call', () =>
    expect(shapeOf([calling('a'), user('still there?'), result('a')])).toEqual(['f(a)', '=a', 'user']));

  it('leaves out results without a call, twice the same, and before their call', () => {
    expect(shapeOf([result('x'), user('q')])).toEqual(['user']);
    expect(shapeOf([calling('a'), result('a'), result('a'), user('q')])).toEqual(['f(a)', '=a', 'user']);
    expect(shapeOf([result('a'), calling('a'), user('q')])).toEqual(['assistant', 'user']);
    expect(shapeOf([{ role: 'tool', content: 'no id' }, user('q')])).toEqual(['user']);
  });

  it('tells apart calls that share an id', () => {
    expect(shapeOf([calling('a'), user('q'), calling('a'), result('a')])).toEqual(['assistant', 'user', 'f(a)', '=a']);
    expect(shapeOf([calling('a'), result('a', '1'), calling('a'), result('a', '2')])).toEqual([
      ...['f(a)', '=a', 'f(a)', '=a'],
    ]);
  });

  it('makes text of a call without a result', () =>
    expect(toChatMessages([{ role: 'assistant', content: 'Wait.', tool_calls: [call('a', '{"n":1}')] }])).toEqual([
      { role: 'assistant', content: 'Wait.\nCalled f({"n":1}), which gave no result.' },
    ]));

  it('has no system messages and no empty ones, and never nothing', () => {
    expect(toChatMessages([{ role: 'system', content: 's' }, user('q'), { role: 'assistant', content: null }])).toEqual(
      [{ role: 'user', content: 'q' }],
    );
    expect(toChatMessages([])).toEqual([{ role: 'user', content: '' }]);
  });

  it('has no half of a call, whatever the history', () => {
    const id = fc.constantFrom('a', 'b', 'c');
    const message = fc.oneof(
      fc.array(id, { maxLength: 3 }).map((ids) => calling(...ids)),
      id.map((value) => result(value)),
      fc.constant(user('q')),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const shape = shapeOf(messages);
        shape.forEach((entry, position) => {
          const called = /^f\((.*)\)$/.exec(entry)?.[1];
          const answered = /^=(.*)$/.exec(shape[position + 1] ?? '')?.[1];
          expect(called).toBe(answered);
          if (called) expect(new Set(called.split(',')).size).toBe(called.split(',').length);
        });
      }),
    );
  });
});
