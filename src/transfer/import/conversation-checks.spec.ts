import { isSurelyValid } from '../../http/request/quick-validation';
import { checked } from './conversation-checks';
import { ConversationHead, MessageParts, SessionPart, SummaryParts } from '../transfer.dto';

const TIME = '2024-01-01T00:00:00.000Z';
const MESSAGE = {
  seq: 1,
  role: 'assistant',
  content: { type: 'text', text: 'Hello' },
  tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
  tool_call_id: null,
  name: 'bot',
  sender_id: 'bob',
  metadata: { a: 1 },
  token_count: 2,
  cost: '0.1',
  timestamp: TIME,
  created_at: TIME,
  updated_at: TIME,
};
const SUMMARY = { from_seq: 1, to_seq: 2, content: 'Said', token_count: 1, created_by: 'local', automatic: true };

describe('Parts of an imported conversation', () => {
  // class-validator makes some dozens of kilobytes of garbage of each: of a gigabyte of messages, that is what memory holds.
  it.each([
    ['messages', MessageParts, { messages: [MESSAGE, { role: 'user', content: 'Hi' }] }],
    ['summaries', SummaryParts, { summaries: [SUMMARY] }],
    ['a head', ConversationHead, { name: 'A', status: 'archived', metadata: {}, auto_summarize: null, last_seq: 3 }],
    ['a session', SessionPart, { id: 'a', notebook_id: null, variables: { a: 1 }, created_at: TIME }],
  ])('F46 are found valid without class-validator: %s', (_, type, value) => {
    expect(isSurelyValid(checked<object>(type, value))).toBe(true);
  });

  it.each([
    [{ ...MESSAGE, role: 'robot' }, 'messages.200.role'],
    [{ ...MESSAGE, more: 1 }, 'messages.200.more'],
    ['text', 'messages.200'],
  ])('F46 and what is wrong with one is named by its place', (message, field) => {
    const check = () => checked(MessageParts, { messages: [message] }, { offset: 200 });
    expect(check).toThrow(expect.objectContaining({ errors: [expect.objectContaining({ field })] }));
  });
});
