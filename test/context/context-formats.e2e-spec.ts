import { CONTEXT_FORMATS, fromFormat, toFormat } from '../../src/context/formats';
import { contexts, read } from '../support/data/airline-contexts';
import { itWithConversations } from '../support/data/conversations';
import { violationsOf } from '../support/data/format-rules';

describe('Formats of the context of real conversations', () => {
  itWithConversations('C29 all 100 at 500, 1,000, 2,000 and 4,000 tokens are what each provider takes', async () => {
    const all = contexts();
    expect(all).toHaveLength(400);
    const wrong = all.flatMap(({ title, messages }) =>
      CONTEXT_FORMATS.map((format) => ({ title, format, problems: violationsOf(format, toFormat(format, messages)) })),
    );
    expect(wrong.filter(({ problems }) => problems.length > 0)).toEqual([]);
  });

  itWithConversations(
    'whole, they come back as they were: from chat and from Responses with the same arguments',
    async () => {
      for (const { messages } of read()) {
        const whole = messages.map((message) => ({ ...message, metadata: {} }));
        const nameless = messages.map(({ name: _, ...message }) => message);
        expect(fromFormat('chat', toFormat('chat', whole))).toEqual(nameless);
        const texts = (list: { tool_calls?: { function: { arguments: string } }[] | null }[]) =>
          list.flatMap(({ tool_calls }) => (tool_calls ?? []).map((call) => call.function.arguments));
        expect(texts(fromFormat('responses', toFormat('responses', whole)))).toEqual(texts(messages as never));
      }
    },
  );
});
