import { field, isObject, satisfies } from '../http/request/fields';
import { toDecimal } from '../common/decimal';
import { parseTime } from '../common/json';

type Options = Parameters<typeof field>[0];

const CLOCK_SKEW_MS = 5 * 60_000;

/** Text, one part, an array of parts, or null. */
export const ContentField = (options: Options) =>
  field(
    { nullable: true, ...options },
    {
      oneOf: [
        { type: 'string' },
        { type: 'object', additionalProperties: true },
        { type: 'array', items: { type: 'object', additionalProperties: true } },
      ],
    },
    satisfies('isContent', 'be a text, an object, an array of objects or null', isContent),
  );

const isContent = (value: unknown) =>
  value === null || typeof value === 'string' || isObject(value) || (Array.isArray(value) && value.every(isObject));

/** Calls of tools, in the form of the OpenAI chat completions; further members are kept. */
export const ToolCallsField = (options: Options) =>
  field(
    { nullable: true, ...options },
    { type: 'array', items: { $ref: '#/components/schemas/ToolCallView' } },
    satisfies(
      'isToolCalls',
      'be an array of {id, type, function: {name, arguments}} whose arguments are JSON text',
      (value) => Array.isArray(value) && value.every(isToolCall),
    ),
  );

const isText = (value: unknown, max: number) => typeof value === 'string' && value.length >= 1 && value.length <= max;

function isToolCall(call: unknown): boolean {
  if (!isObject(call) || !isObject(call.function)) return false;
  const typed = call.type === undefined || isText(call.type, 64);
  return (
    typed && isText(call.id, 255) && isText(call.function.name, 255) && typeof call.function.arguments === 'string'
  );
}

/** A price as a number, or as decimal text where a number is not exact enough. */
export const CostField = (options: Options) =>
  field(
    options,
    { oneOf: [{ type: 'number', minimum: 0 }, { type: 'string' }] },
    satisfies(
      'isCost',
      'be a decimal from 0 to 10^12 with at most 12 places',
      (value) => toDecimal(value) !== undefined,
    ),
  );

/** The caller's own time of a message: not in the future (C20). */
export const PastTimeField = (options: Options) =>
  field(
    options,
    { oneOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }] },
    satisfies(
      'isPastTime',
      'be an ISO-8601 time with a zone or milliseconds since 1970, not in the future',
      (value) => {
        const time = parseTime(value);
        return time !== undefined && time.getTime() <= Date.now() + CLOCK_SKEW_MS;
      },
    ),
  );

const MAX_HOURS = 1_000_000;

/** A length of time in hours. */
export const HoursField = (options: Options) =>
  field(
    options,
    { type: 'number', minimum: 0, maximum: MAX_HOURS },
    satisfies(
      'isHours',
      `be a number of hours from 0 to ${MAX_HOURS}`,
      (value) => typeof value === 'number' && value >= 0 && value <= MAX_HOURS,
    ),
  );
