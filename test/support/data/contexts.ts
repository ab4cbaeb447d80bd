import type { MessageRow, MessageRole, ToolCall } from '../../../src/messages/message.entity';
import { assemble, type Assembled, type Material } from '../../../src/context/choose/assembly';
import type { ContextRequest } from '../../../src/context/context.dto';
import { MAX_MESSAGES, toPlan } from '../../../src/context/choose/plan';
import type { Entry } from '../../../src/context/choose/units';

/** A message of a made-up history. */
export type Said = {
  role: MessageRole;
  text?: string;
  tokens?: number;
  calls?: string[];
  answers?: string;
  minutes?: number;
};

const EPOCH = Date.parse('2026-01-01T00:00:00Z');
export const at = (minutes: number) => new Date(EPOCH + minutes * 60_000).toISOString();

const toCall = (id: string): ToolCall => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });

const toRow = ({ role, text, tokens, calls, answers, minutes }: Said, index: number): MessageRow => ({
  id: `id-${index + 1}`,
  thread_id: 'thread',
  seq: index + 1,
  role,
  has_content: text !== undefined,
  content: text === undefined ? null : { type: 'text', text },
  tool_calls: calls && calls.length > 0 ? calls.map(toCall) : null,
  tool_call_id: answers ?? null,
  name: null,
  sender_id: null,
  created_by: 'alice',
  created_via: 'cli',
  metadata: { id: `id-${index + 1}` },
  token_count: tokens ?? text?.length ?? 0,
  cost: '0',
  client_timestamp: minutes === undefined ? null : at(minutes),
  created_at: at(index),
  updated_at: at(index),
});

const isLeading = (rows: MessageRow[], index: number) =>
  rows.slice(0, index + 1).every(({ role }) => role === 'system' || role === 'developer');

/** Everything of a short thread, as the reader gives it. */
export function materialOf(history: Said[], request: ContextRequest, extra: Partial<Material> = {}): Material {
  const rows = history.map(toRow);
  const entries: Entry[] = rows.map((row) => ({ row, tokens: row.token_count }));
  const budget = request.max_tokens ? request.max_tokens - (request.reserve_tokens ?? 0) : Infinity;
  const plan = toPlan(request, 'chars_4');
  const most = plan.window ?? MAX_MESSAGES;
  return {
    systemPrompt: null,
    leading: entries.filter((_, index) => isLeading(rows, index)),
    entries: entries.filter((_, index) => !isLeading(rows, index)),
    window: plan.strategy.reach === 'all' ? MAX_MESSAGES : most,
    most,
    whole: true,
    budget,
    facts: {},
    summaries: [],
    ...extra,
  };
}

export const build = (history: Said[], request: ContextRequest, extra: Partial<Material> = {}, summary = 'short') =>
  assemble(materialOf(history, request, extra), toPlan(request, 'chars_4'), () => Promise.resolve(summary));

export const piecesOf = ({ sections }: Assembled) => sections.flatMap(({ pieces }) => pieces);
export const textsOf = (assembled: Assembled) => piecesOf(assembled).map(({ message }) => message.content);
export const user = (text: string, tokens?: number): Said => ({ role: 'user', text, tokens });
export const numbered = (count: number, tokens = 10) => Array.from({ length: count }, (_, n) => user(`m${n}`, tokens));
export const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `m${from + n}`);
