import { applyDecorators } from '@nestjs/common';
import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsNumber, Max, Min } from 'class-validator';
import { EnumField, field, IntField, isObject, satisfies, TextField, BoundField } from '../http/request/fields';
import { ChatMessage, type MessageRole } from '../messages';
import { OwnerQuery } from '../sessions';
import { CONTEXT_FORMATS, type ContextFormat } from './formats';
import { ABOUT_STRATEGIES, STRATEGY_NAMES } from './choose/strategies';

/** Sections of a context, in their order. */
const SECTIONS = ['system', 'facts', 'summaries', 'retrieved', 'recent', 'question'] as const;
export type SectionName = (typeof SECTIONS)[number];

/** Sections that may be given a share of the budget; the others stay whatever they count. */
export const SHARED = ['facts', 'summaries', 'retrieved', 'recent'] as const;
export type Shares = Partial<Record<(typeof SHARED)[number], number>>;

const MAX_TOKENS = 10_000_000;

/** On or off: true and false in a body, their texts in a query. */
const SwitchField = (options: { description: string; default?: boolean }) =>
  field(options, { type: Boolean }, IsIn([true, false, 'true', 'false']));

/** A number that need not be whole. */
const NumberField = ({ min, max, description }: { min: number; max: number; description: string }) =>
  applyDecorators(
    field({ description }, { type: Number, minimum: min, maximum: max }, IsNumber(), Min(min), Max(max)),
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : value,
    ),
  );

/** What a context is to be made of. */
export class ContextQuery {
  @EnumField(STRATEGY_NAMES, {
    default: 'last_n',
    description:
      `How messages are chosen. ${ABOUT_STRATEGIES}. \`truncate\`, \`oldest\` and nothing are \`sliding\`, which is also ` +
      'the default where a budget is named and no window. Whatever the strategy: system messages at the head and the newest ' +
      'message stay, and calls stay with their results.',
  })
  strategy?: string;

  @IntField({
    min: 1,
    max: 1000,
    description:
      'At most this many of the newest messages. The default is that of the strategy, or 20 with top_k; without one, as many as the budget ' +
      'holds, up to 1000; without a budget as well, CONTEXT_MAX_MESSAGES, with those at the head.',
  })
  window?: number;

  @IntField({
    max: MAX_TOKENS,
    description: "Budget in tokens; by default the session's max_tokens. 0: none.",
  })
  max_tokens?: number;

  @IntField({ max: MAX_TOKENS, description: 'The same as max_tokens.' })
  token_budget?: number;

  @IntField({ max: MAX_TOKENS, default: 0, description: 'Tokens of the budget to leave free, as for the answer.' })
  reserve_tokens?: number;

  @TextField({
    min: 1,
    max: 255,
    example: 'gpt-4o',
    description:
      'Count as this model does, what stands around a message included: exactly for OpenAI, rather too much for others. ' +
      'Without it, tokens are counted as they were when the messages were stored.',
  })
  model?: string;

  @TextField({ min: 1, max: 1_000_000, description: 'Stands last, as a message of the user. It is not stored.' })
  question?: string;

  @SwitchField({
    description:
      'What is remembered of the caller, in the own conversations. By default where there is a question, and with hierarchical.',
  })
  facts?: boolean | 'true' | 'false';

  @IntField({
    min: 1,
    max: 100,
    description:
      'So many messages that share words with the question, or with the newest message of the user: found by their words in ' +
      'the whole conversation before the window and, with a session of your own, in your other active sessions. A call with ' +
      'its results counts as one.',
  })
  top_k?: number;

  @NumberField({ min: 0, max: 1_000_000, description: 'With time_window: the age of the oldest message.' })
  max_age_hours?: number;

  @BoundField({ description: 'With time_window: the time from which on messages stay.' })
  after?: string | number;

  @IntField({ min: 1, max: 1000, default: 3, description: 'With relevance: so many of the newest stay.' })
  min_recent?: number;

  @SwitchField({
    default: false,
    description:
      'Moves the cut in steps, so that contexts that follow each other begin with the same bytes and caches of the provider ' +
      'hold. Up to one step of what would fit is left out. Not with relevance, which chooses anew each time.',
  })
  stable?: boolean | 'true' | 'false';

  @IntField({ min: 2, max: 1000, default: 10, description: 'With stable: messages that a cut moves by.' })
  step?: number;

  @SwitchField({ default: false, description: 'Say of every message that was considered why it is in or out.' })
  explain?: boolean | 'true' | 'false';

  @EnumField(CONTEXT_FORMATS, {
    default: 'chat',
    description: 'Of what provider or library; anything but `chat` is in `formatted` instead of `messages`.',
  })
  format?: ContextFormat;
}

const isShares = (value: unknown) =>
  isObject(value) &&
  Object.entries(value).every(
    ([name, share]) => SHARED.some((known) => known === name) && typeof share === 'number' && share >= 0 && share <= 1,
  );

/** The same, with what does not go into a query. */
export class ContextRequest extends ContextQuery {
  @field(
    {
      description:
        'Shares of the budget, from 0 to 1, that sections may have at most. What one does not use, recent may.',
      example: { facts: 0.15, summaries: 0.2, retrieved: 0.2, recent: 1 },
    },
    { type: 'object', additionalProperties: { type: 'number', minimum: 0, maximum: 1 } },
    satisfies('isShares', `be an object of numbers from 0 to 1 for ${SHARED.join(', ')}`, isShares),
  )
  shares?: Shares;
}

/** The context of a session, the caller's own or another owner's. */
export class SessionContextQuery extends IntersectionType(ContextQuery, OwnerQuery) {}

/** One section of a context. */
class ContextSection {
  @ApiProperty({ enum: SECTIONS })
  name!: SectionName;

  @ApiProperty({ type: 'integer' })
  message_count!: number;

  @ApiProperty({ type: 'integer' })
  token_count!: number;
}

const IN_REASONS = ['system', 'newest', 'chosen', 'retrieved'] as const;
const OUT_REASONS = [
  'over_budget',
  'outside_window',
  'too_old',
  'summarized',
  'cut_in_steps',
  'result_without_call',
  'call_without_result',
] as const;

/** Why a message is in a context or not. */
export class ContextDecision {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ type: 'integer' })
  seq!: number;

  @ApiProperty({ type: String, example: 'user' })
  role!: MessageRole;

  @ApiProperty({ type: 'integer' })
  token_count!: number;

  @ApiProperty()
  included!: boolean;

  @ApiProperty({ format: 'uuid', required: false, description: 'Where the message is of another session.' })
  thread_id?: string;

  @ApiProperty({ enum: [...IN_REASONS, ...OUT_REASONS] })
  reason!: (typeof IN_REASONS)[number] | (typeof OUT_REASONS)[number];
}

const WARNINGS = {
  large_conversation:
    'the conversation has more than CONTEXT_WARNING_MESSAGES, and neither window nor budget was named',
  budget_exceeded: 'what has to stay is larger than the budget, or the strategy is `none`',
  message_limit: 'older messages were not looked at: the budget would have held more than 1000',
  facts_left_out: 'not all facts fit their share',
  summaries_left_out: 'not all summaries fit their share',
  retrieved_left_out: 'not everything that was found fits its share',
  summary_failed: 'no summary could be made that fits; the oldest messages were left out instead',
  incomplete_tool_calls: 'calls without results, or results without calls, were left out',
} as const;
export type ContextWarning = keyof typeof WARNINGS;

/** What to send to the model next. */
export class ContextView {
  @ApiProperty({ required: false, description: 'Of a session.' })
  session_id?: string;

  @ApiProperty({ format: 'uuid' })
  thread_id!: string;

  @ApiProperty({
    type: [ChatMessage],
    required: false,
    description: 'System prompt and messages at the head, facts, summaries, what was found, the newest, the question.',
  })
  messages?: ChatMessage[];

  @ApiProperty({
    required: false,
    description: 'With a format other than chat, the same as that takes it.',
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: { type: 'object' } },
    ],
  })
  formatted?: unknown;

  @ApiProperty({ type: 'integer', description: 'Tokens of all of this.' })
  token_count!: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The budget that was kept; null: none.' })
  token_budget!: number | null;

  @ApiProperty({ description: 'Whether the budget or a limit left messages of the window out.' })
  truncated!: boolean;

  @ApiProperty({
    type: [String],
    enum: Object.keys(WARNINGS),
    description: Object.entries(WARNINGS)
      .map(([name, meaning]) => `\`${name}\`: ${meaning}`)
      .join('; '),
  })
  warnings!: ContextWarning[];

  @ApiProperty({ type: [ContextSection], description: 'Those that hold something, in their order.' })
  sections!: ContextSection[];

  @ApiProperty({ type: [ContextDecision], required: false, description: 'With explain, oldest first.' })
  explanation?: ContextDecision[];

  @ApiProperty({ type: 'integer', description: 'Messages of the whole conversation.' })
  total!: number;
}
