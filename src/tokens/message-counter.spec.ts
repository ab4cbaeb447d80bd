import { countTokens as cl100k } from 'gpt-tokenizer/cjs/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/cjs/encoding/o200k_base';
import { counterOf, storedCounter } from './message-counter';
import { familyOf, MODEL_FAMILIES } from './model-families';

const TEXT = 'Ein ganz gewöhnlicher Satz, 日本語の文, and code: f(x) => x ** 2;';
const call = (args: string) => ({ id: 'call_1', function: { name: 'search_flights', arguments: args } });

describe('familyOf', () => {
  it.each([
    ['gpt-4o', 'openai-o200k'],
    ['openai/gpt-4o-mini', 'openai-o200k'],
    ['gpt-5.1', 'openai-o200k'],
    ['o3-mini', 'openai-o200k'],
    ['ft:gpt-4.1:acme', 'openai-o200k'],
    ['gpt-4-turbo', 'openai-cl100k'],
    ['GPT-3.5-turbo', 'openai-cl100k'],
    ['claude-sonnet-4-5', 'anthropic'],
    ['us.anthropic.claude-3-haiku', 'anthropic'],
    ['models/gemini-2.5-pro', 'google'],
    ['meta-llama/Llama-3.1-8B', 'open'],
    ['mystery', 'other'],
    ['', 'other'],
  ])('C32 %s is of %s', (model, name) => expect(familyOf(model).name).toBe(name));

  it('C32 counts no family lower than the encoding that it rests on', () => {
    for (const { ratio } of MODEL_FAMILIES) expect(ratio).toBeGreaterThanOrEqual(1);
    expect(familyOf('unheard-of').ratio).toBe(Math.max(...MODEL_FAMILIES.map(({ ratio }) => ratio)));
  });
});

describe('counterOf', () => {
  it('C32 counts by the encoding of the model, and what stands around a message', () => {
    expect(counterOf('gpt-4o').message({ content: TEXT })).toBe(o200k(TEXT) + 4);
    expect(counterOf('gpt-4').message({ content: TEXT })).toBe(cl100k(TEXT) + 4);
    expect(counterOf('claude-opus-4').message({ content: TEXT })).toBe(Math.ceil(o200k(TEXT) * 1.35) + 4);
    expect(counterOf('gpt-4o').base).toBeGreaterThan(0);
  });

  it('C32 counts calls, their arguments, names and ids', () => {
    const { message } = counterOf('gpt-4o');
    const empty = message({ content: '' });
    const short = message({ content: null, tool_calls: [call('{}')] });
    const long = message({ content: null, tool_calls: [call('{"from": "Tokyo", "to": "Kyoto"}')] });
    expect(short).toBeGreaterThan(empty + 8);
    expect(long).toBe(short - o200k('{}') + o200k('{"from": "Tokyo", "to": "Kyoto"}'));
    expect(message({ content: null, tool_calls: [call('{}'), call('{}')] })).toBe(2 * short - empty);
    expect(message({ content: '', name: 'search_flights' })).toBe(empty + o200k('search_flights'));
    expect(message({ content: '', tool_call_id: 'call_1' })).toBe(empty + o200k('call_1'));
  });

  it('counts parts: text as text, an image as one, anything else as its JSON', () => {
    const { message } = counterOf('gpt-4o');
    const parts = (...content: object[]) => message({ content }) - 4;
    expect(parts({ type: 'text', text: TEXT })).toBe(o200k(TEXT));
    expect(parts({ type: 'image_url', image_url: { url: `data:${'x'.repeat(100_000)}` } })).toBe(1100);
    expect(parts({ type: 'x', value: 1 })).toBe(o200k('{"type":"x","value":1}'));
    expect(parts()).toBe(0);
  });

  it('does not take what the caller said of the tokens for the model', () =>
    expect(counterOf('gpt-4o').message({ content: 'Hi', token_count: 9999 })).toBeLessThan(10));
});

describe('storedCounter', () => {
  it('C32 U95 counts what is stored, and nothing around it', () => {
    const counter = storedCounter('chars_4');
    expect(counter.message({ content: TEXT, token_count: 7 })).toBe(7);
    expect(counter.message({ content: 'abcde' })).toBe(2);
    expect([counter.text('abcd'), counter.base]).toEqual([1, 0]);
  });
});
