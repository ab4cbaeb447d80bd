import { tailOf } from '../../../src/context/choose/tail';
import { toUnits, type Unit } from '../../../src/context/choose/units';
import type { ChatMessage } from '../../../src/messages/messages.dto';
import { countTokens } from '../../../src/messages/append/new-message';
import { readConversations } from './conversations';

/* Real conversations, as contexts of several sizes. */

const BUDGETS = [500, 1_000, 2_000, 4_000];

interface Conversation {
  id: string;
  messages: Omit<ChatMessage, 'metadata'>[];
}

export const read = () => readConversations<Conversation>();

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

/** The newest of each conversation that a budget has room for. */
export const contexts = () =>
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
