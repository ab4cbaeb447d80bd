import { convertToModelMessages, modelMessageSchema, safeValidateUIMessages } from 'ai';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { toFormat } from '../../src/context/formats';
import { contexts } from '../support/data/airline-contexts';
import { itWithConversations } from '../support/data/conversations';
import { anyHistory, calling, history, PARALLEL } from '../support/data/format-histories';

const ROOT = join(__dirname, '../..');

describe('Formats of a context, by the official packages', () => {
  it('are what the types of OpenAI, Anthropic and the AI SDK say', async () => {
    const compiler = [require.resolve('typescript/bin/tsc'), '-p', 'test/sdks'];
    const said = await promisify(execFile)('node', compiler, { cwd: ROOT }).catch(({ stdout }) => ({ stdout }));
    expect(said.stdout).toBe('');
  });

  it('ai-sdk: UIMessages that the package takes', async () => {
    const { messages } = toFormat('ai-sdk', [
      ...PARALLEL.map((message, index) => (index === 2 ? { ...message, id: 'mine', metadata: { n: 1 } } : message)),
      ...history({ role: 'assistant', content: 'And', tool_calls: [calling('c')] }),
    ]);
    expect((await safeValidateUIMessages({ messages })).success).toBe(true);
    const converted = await convertToModelMessages(messages, { ignoreIncompleteToolCalls: true });
    expect(converted.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user', 'assistant', 'assistant']);
  });

  it('ai-sdk: the package takes every random history', () =>
    fc.assert(
      fc.asyncProperty(anyHistory, async (random) => {
        const { messages } = toFormat('ai-sdk', random);
        const validated = await safeValidateUIMessages({ messages });
        expect(validated.success ? undefined : validated.error).toBeUndefined();
        await convertToModelMessages(messages);
      }),
      { numRuns: 200 },
    ));

  itWithConversations('the AI SDK takes all of them, validated and as model messages', async () => {
    for (const { title, messages } of contexts()) {
      const ui = toFormat('ai-sdk', messages).messages;
      const validated = await safeValidateUIMessages({ messages: ui });
      expect({ title, error: validated.success ? undefined : validated.error }).toEqual({ title, error: undefined });
      const converted = await convertToModelMessages(ui);
      for (const message of converted) expect(modelMessageSchema.safeParse(message).success).toBe(true);
      const calls = messages.flatMap(({ tool_calls }) => tool_calls ?? []).length;
      expect(converted.filter(({ role }) => role === 'tool')).toHaveLength(calls);
    }
  });
});
