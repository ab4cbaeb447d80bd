import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Max,
  Min,
  registerDecorator,
  ValidateIf,
} from 'class-validator';
import { isPlainId } from '../../common/ids';
import { exceedsJsonBytes, parseBound, parseTime } from '../../common/json';

/*
 * One decorator a field, for the validation and for the API reference, so that the two cannot drift apart.
 */

interface Options {
  description: string;
  example?: unknown;
  required?: boolean;
  default?: unknown;
  nullable?: boolean;
}

type Schema = Omit<ApiPropertyOptions, 'required' | 'description' | 'example' | 'default'>;

/** Validators of a field that may be absent (and may be null only if it says so). */
export function field(options: Options, schema: Schema, ...validators: PropertyDecorator[]): PropertyDecorator {
  const { description, example, required = false, nullable = false } = options;
  const presence = required ? [] : [nullable ? IsOptional() : ValidateIf((_, value) => value !== undefined)];
  const extra = { ...(example === undefined ? {} : { example }), ...(nullable ? { nullable } : {}) };
  const fallback = options.default === undefined ? {} : { default: options.default };
  const property = ApiProperty({ ...schema, description, required, ...extra, ...fallback } as ApiPropertyOptions);
  return applyDecorators(property, ...presence, ...validators);
}

/** A validator from a predicate; `message` completes "field must …". */
export const satisfies = (name: string, message: string, validate: (value: unknown) => boolean): PropertyDecorator =>
  ((target: object, propertyName: string) =>
    registerDecorator({
      name,
      target: target.constructor,
      propertyName,
      options: { message: `$property must ${message}` },
      validator: { validate },
    })) as PropertyDecorator;

/** Text of `min` to `max` characters. */
export const TextField = ({ min = 0, max, ...options }: Options & { min?: number; max: number }) =>
  field(options, { type: String, minLength: min, maxLength: max }, IsString(), Length(min, max));

/** Text of 1 to 255 characters that is not only white space; stored trimmed by the service. */
export const NameField = (options: Options) =>
  field(
    options,
    { type: String, minLength: 1, maxLength: 255 },
    satisfies('isName', 'have 1 to 255 characters that are not all white space', (value) => {
      const length = typeof value === 'string' ? value.trim().length : 0;
      return length >= 1 && length <= 255;
    }),
  );

/** An id of somebody else's choosing, 1 to 255 characters. */
export const IdField = (options: Options) =>
  field(
    options,
    { type: String, minLength: 1, maxLength: 255 },
    satisfies('isPlainId', 'have 1 to 255 characters and no control characters', isPlainId),
  );

export const UuidField = (options: Options) => field(options, { type: String, format: 'uuid' }, IsUUID());

export const EnumField = (values: readonly string[], options: Options) =>
  field(options, { type: String, enum: [...values] }, IsIn(values));

/** Plain digits only: `Number` would also take '', ' 1', '1e2' and '0x10'. Bodies are never transformed. */
const numberFromText = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value,
);

/** A whole number; in a query its text is converted. */
export const IntField = ({
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
  ...options
}: Options & { min?: number; max?: number }) =>
  field(options, { type: 'integer', minimum: min, maximum: max }, numberFromText, IsInt(), Min(min), Max(max));

/** `true` or `false` in a query; the value stays the text. */
export const FlagField = (options: Options) =>
  field(options, { type: String, enum: ['true', 'false'] }, IsIn(['true', 'false']));

/** An instant: ISO-8601 with a zone, or milliseconds since 1970. */
export const TimeField = (options: Options) =>
  field(
    options,
    { oneOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }] },
    satisfies('isTime', 'be an ISO-8601 time with a zone, or milliseconds since 1970', (value) => !!parseTime(value)),
  );

/** A bound of a range of time: the same, or a date. */
export const BoundField = ({ description, ...options }: Options) =>
  field(
    { description: `${description} A date alone is its midnight in UTC.`, ...options },
    { oneOf: [{ type: 'string' }, { type: 'integer' }] },
    satisfies(
      'isBound',
      'be a date, an ISO-8601 time with a zone, or milliseconds since 1970',
      (value) => !!parseBound(value),
    ),
  );

/** A JSON object whose text is at most `maxBytes` long. */
export const ObjectField = ({ maxBytes = 64 * 1024, ...options }: Options & { maxBytes?: number }) =>
  field(
    options,
    { type: 'object', additionalProperties: true },
    satisfies('isJsonObject', `be an object of at most ${maxBytes} bytes as JSON`, (value) => {
      return isObject(value) && !exceedsJsonBytes(value, maxBytes);
    }),
  );

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
