import * as fc from 'fast-check';
import type { FormatMessage } from '../../../src/context/formats';

/* Histories that are given the form of a provider, in the tests of the formats. */

/** A message, in short. */
export type Said = Partial<FormatMessage> & Pick<FormatMessage, 'role'>;
export const history = (...messages: Said[]): FormatMessage[] =>
  messages.map((message) => ({ metadata: {}, ...message }));
export const calling = (id: string, text = '{}', name = 'weather') => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});

/** Two calls at once, answered in the other order, with a question in between. */
export const PARALLEL = history(
  { role: 'system', content: 'Be brief.' },
  { role: 'developer', content: 'Celsius.' },
  { role: 'user', content: 'Weather? ☀️', name: 'anna' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [calling('a', '{ "city": "Zürich" }'), calling('b', '{"city":"大阪"}')],
  },
  { role: 'tool', tool_call_id: 'b', content: 'rain', name: 'weather' },
  { role: 'user', content: 'Quick!' },
  { role: 'tool', tool_call_id: 'a', content: 'sun', name: 'weather', metadata: { is_error: true } },
  { role: 'assistant', content: 'Sun and rain.' },
);

const text = fc.oneof(fc.constantFrom('', ' ', 'a \n', '[x]', '👩‍👩‍👧'), fc.string({ unit: 'grapheme' }));
const parts = fc.array(
  fc.oneof(
    text.map((value) => ({ type: 'text', text: value })),
    fc.constantFrom<object>(
      { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'high' } },
      { type: 'image_url', image_url: { url: 'data:image/svg+xml;base64,AAAA' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/webp', data: 'AAAA' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' } },
      { type: 'file', mediaType: 'text/csv', url: 'https://example.com/a.csv' },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { type: 'refusal', refusal: 'No.' },
      { type: 'hologram' },
      {},
    ),
  ),
  { maxLength: 3 },
);
const content = fc.oneof(text, parts, fc.constantFrom(null, undefined));
const callId = fc.oneof(fc.constantFrom('a', 'b', 'c.d', 'c:d', 'x'.repeat(100)), fc.uuid());
const toolName = fc.constantFrom('weather', 'search flights', 'größe', 'n'.repeat(90));
const args = fc.oneof(
  fc.json(),
  fc.constantFrom('', '{', '{"a": 1}', '{"raw_arguments":"x"}', '{"n":9007199254740993}'),
  text,
);
const metadata = fc.constantFrom({}, { is_error: true }, { tool_name: 'weather' });

const message: fc.Arbitrary<FormatMessage> = fc.oneof(
  fc.record({ role: fc.constantFrom('system' as const, 'developer' as const), content, metadata }),
  fc.record({ role: fc.constant('user' as const), content, name: fc.constantFrom('anna', 'Anna M.'), metadata }),
  fc.record({
    role: fc.constant('assistant' as const),
    content,
    tool_calls: fc.array(
      fc.record({
        id: callId,
        type: fc.constant('function'),
        function: fc.record({ name: toolName, arguments: args }),
      }),
      { maxLength: 3 },
    ),
    metadata,
  }),
  fc.record({ role: fc.constant('tool' as const), tool_call_id: callId, content, metadata }),
  fc.record({ role: fc.constant('tool' as const), content, metadata: fc.constant({ tool_name: 'weather' }) }),
);
/** Calls with most of their results, in any order. */
const answeredCalls = fc
  .record({
    calls: fc.array(
      fc.record({
        id: callId,
        type: fc.constant('function'),
        function: fc.record({ name: toolName, arguments: args }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    said: content,
    results: fc.array(fc.record({ nth: fc.nat(2), content, metadata }), { maxLength: 4 }),
  })
  .map(({ calls, said, results }): FormatMessage[] => [
    { role: 'assistant', content: said, tool_calls: calls, metadata: {} },
    ...results.map(({ nth, ...rest }) => ({
      role: 'tool' as const,
      tool_call_id: calls[nth % calls.length].id,
      ...rest,
    })),
  ]);
/** Anything that could be stored, orphans and ids that come twice included. */
export const anyHistory = fc
  .array(
    fc.oneof(
      message.map((one) => [one]),
      answeredCalls,
    ),
    { maxLength: 10 },
  )
  .map((units): FormatMessage[] => [...units.flat(), { role: 'user', content: 'And?', metadata: {} }]);
