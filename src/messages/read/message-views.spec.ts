import { toRow } from '../append/new-message';
import { toChatMessage, toMessageView, toPrompt } from './message-views';
import type { MessageInput } from '../messages.dto';
import { toNewMessage } from '../append/new-message';

const PLACE = { thread_id: 't', seq: 3, created_at: '2025-01-01T00:00:00.000Z' };
const row = (input: MessageInput) => toRow(toNewMessage(input, { estimator: 'chars_4', metadataBytes: 1000 }), PLACE);
const tool_calls = [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }];

describe('toMessageView', () => {
  it('F21 has every field', () =>
    expect(toMessageView(row({ role: 'user', content: 'x', cost: 0.5 }))).toEqual({
      id: expect.any(String),
      thread_id: 't',
      chat_thread_id: 't',
      seq: 3,
      role: 'user',
      sender_role: 'user',
      sender_id: null,
      content: { type: 'text', text: 'x' },
      tool_calls: null,
      tool_call_id: null,
      name: null,
      metadata: {},
      token_count: 1,
      cost: 0.5,
      timestamp: null,
      created_at: '2025-01-01T00:00:00.000Z',
      updated_at: '2025-01-01T00:00:00.000Z',
    }));

  it('C54 absent content is absent, null is null', () => {
    const answer: unknown = JSON.parse(JSON.stringify(toMessageView(row({ role: 'assistant', tool_calls }))));
    expect(answer).not.toHaveProperty('content');
    expect(toMessageView(row({ role: 'assistant', content: null, tool_calls })).content).toBeNull();
  });
});

describe('toChatMessage', () => {
  it('F31 has only what the message has', () => {
    expect(toChatMessage(row({ role: 'user', content: 'x' }))).toEqual({ role: 'user', content: 'x', metadata: {} });
    expect(toChatMessage(row({ role: 'assistant', tool_calls }))).toEqual({
      role: 'assistant',
      tool_calls,
      metadata: {},
    });
    const result: MessageInput = { role: 'tool', content: '', tool_call_id: 'call_1', name: 'f' };
    expect(toChatMessage(row(result))).toEqual({ ...result, metadata: {} });
  });
});

describe('toPrompt', () => {
  const rows = [
    row({ role: 'system', content: 'Be brief.' }),
    row({ role: 'developer', content: 'Be kind.' }),
    row({ role: 'user', content: 'Hi' }),
    row({ role: 'assistant', content: null, tool_calls }),
    row({ role: 'tool', content: '2', metadata: { tool_name: 'calc' }, name: 'other', tool_call_id: 'call_1' }),
  ];

  it('F38 is a line a message, without the system unless asked for', () => {
    const lines = ['User: Hi', 'Assistant: ', 'Tool (calc): 2'];
    expect(toPrompt(rows, false)).toBe(lines.join('\n'));
    expect(toPrompt(rows, true)).toBe(['System: Be brief.', 'System: Be kind.', ...lines].join('\n'));
    expect(toPrompt([], true)).toBe('');
  });
});
