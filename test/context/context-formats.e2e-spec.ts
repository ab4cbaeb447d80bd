import { convertToModelMessages, modelMessageSchema, safeValidateUIMessages } from 'ai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTEXT_FORMATS, fromFormat, toFormat } from '../../src/context/formats';
import { tailOf } from '../../src/context/choose/tail';
import { toUnits, type Unit } from '../../src/context/choose/units';
import type { ChatMessage } from '../../src/messages/messages.dto';
import { countTokens } from '../../src/messages/append/new-message';
import { violationsOf } from '../support/format-rules';

const FILE = join(__dirname, '../../../shared/data/airline-conversations.jsonl');
const BUDGETS = [500, 1_000, 2_000, 4_000];

interface Conversation {
  id: string;
  messages: Omit<ChatMessage, 'metadata'>[];
}

/** The conversations are not part of the repository. */
const itWithData = existsSync(FILE)
  ? it
  : (title: string, test: () => Promise<void>) => it.skip(`${title} (skipped: the conversations are not there)`, test);

describe('Formats of the context of real conversations', () => {
  const read = (): Conversation[] =>
    readFileSync(FILE, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));

  /** The message, counted as it would be when it was stored. */
  const toEntry = (message: Conversation['messages'][number]) => ({
    tokens: countTokens(message.content, message.tool_calls, 'o200k_base'),
    row: {
      message: { ...message, metadata: {} },
      role: message.role,
      tool_calls: message.tool_calls ?? null,
      tool_call_id: message.tool_call_id ?? null,
    },
  });

  const contexts = () =>
    read().flatMap(({ id, messages }) => {
      const entries = messages.map(toEntry);
      const system = entries[0].row.message;
      const units = toUnits(entries.slice(1));
      return BUDGETS.map((budget) => {
        const task = { units: units as unknown as Unit[], room: budget, most: Infinity, whole: true };
        const kept = (tailOf(task).kept as unknown as typeof units).flatMap((unit) =>
          unit.entries.map(({ row }) => row.message),
        );
        return { title: `${id} within ${budget}`, messages: [system, ...kept] };
      });
    });

  itWithData('C29 all 100 at 500, 1,000, 2,000 and 4,000 tokens are what each provider takes', async () => {
    const all = contexts();
    expect(all).toHaveLength(400);
    const wrong = all.flatMap(({ title, messages }) =>
      CONTEXT_FORMATS.map((format) => ({ title, format, problems: violationsOf(format, toFormat(format, messages)) })),
    );
    expect(wrong.filter(({ problems }) => problems.length > 0)).toEqual([]);
  });

  itWithData('the AI SDK takes all of them, validated and as model messages', async () => {
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

  itWithData('whole, they come back as they were: from chat and from Responses with the same arguments', async () => {
    for (const { messages } of read()) {
      const whole = messages.map((message) => ({ ...message, metadata: {} }));
      const nameless = messages.map(({ name: _, ...message }) => message);
      expect(fromFormat('chat', toFormat('chat', whole))).toEqual(nameless);
      const texts = (list: { tool_calls?: { function: { arguments: string } }[] | null }[]) =>
        list.flatMap(({ tool_calls }) => (tool_calls ?? []).map((call) => call.function.arguments));
      expect(texts(fromFormat('responses', toFormat('responses', whole)))).toEqual(texts(messages as never));
    }
  });
});
