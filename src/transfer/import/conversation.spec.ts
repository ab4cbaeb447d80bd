import { isSurelyValid } from '../../http/request/quick-validation';
import { checked, type ImportedSummary, withIds } from './conversation';
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

const summary = (from_seq: number, created_at: string, reads = { count: 0 }): ImportedSummary => ({
  get from_seq() {
    reads.count += 1;
    return from_seq;
  },
  ...{ to_seq: from_seq, content: 'Said', token_count: 1, created_by: 'local', automatic: false, created_at },
});

describe('Ids of imported summaries', () => {
  it('F46 keep those of one range in their order, whatever their times', () => {
    const [a, b, c] = withIds([
      summary(1, '2024-05-01T00:00:00.000Z'),
      summary(2, '2024-01-01T00:00:00.000Z'),
      summary(1, '2024-02-01T00:00:00.000Z'),
    ]);
    expect(c.id > a.id).toBe(true);
    expect(b.id < a.id).toBe(true);
  });

  it('F46 are made in one pass: each is looked at some times, not once for each other one', () => {
    const reads = { count: 0 };
    const parse = jest.spyOn(Date, 'parse');
    const list = Array.from({ length: 2000 }, () => summary(1, '2024-01-01T00:00:00.000Z', reads));
    const ids = withIds(list).map(({ id }) => id);
    expect(parse.mock.calls.length).toBeLessThanOrEqual(2 * list.length);
    expect(reads.count).toBeLessThanOrEqual(4 * list.length);
    expect([...ids].sort()).toEqual(ids);
    parse.mockRestore();
  });
});
