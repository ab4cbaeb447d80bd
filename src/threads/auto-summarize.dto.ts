import { ApiProperty } from '@nestjs/swagger';
import { field, isObject, satisfies } from '../http/request/fields';

const MAX_IN_BATCH = 1000;

const SCHEMA = {
  oneOf: [
    {
      type: 'object',
      properties: {
        threshold: { type: 'integer', minimum: 1, description: 'From more messages than this.' },
        batch_size: { type: 'integer', minimum: 1, maximum: MAX_IN_BATCH, description: 'Messages of one summary.' },
      },
      required: ['threshold', 'batch_size'],
      additionalProperties: false,
    },
    { type: 'boolean', enum: [true] },
  ],
};

const DESCRIPTION =
  'Summaries by themselves: after an append, in the background, the oldest batch_size messages without a summary get one; ' +
  'true: by SUMMARIZE_TOKEN_THRESHOLD and SUMMARIZE_KEEP_LAST. null: none.';

/** When a conversation is summarised by itself. */
export const AutoSummarizeField = () =>
  field(
    { description: DESCRIPTION, nullable: true },
    SCHEMA,
    satisfies(
      'isAutoSummarize',
      `be true, null or {threshold, batch_size}, whole numbers from 1, batch_size at most ${MAX_IN_BATCH}`,
      isAutoSummarize,
    ),
  );

/** The same in an answer. */
export const AutoSummarizeProperty = () => ApiProperty({ ...SCHEMA, nullable: true, description: DESCRIPTION });

function isAutoSummarize(value: unknown): boolean {
  if (value === true) return true;
  if (!isObject(value) || Object.keys(value).length !== 2) return false;
  return isCount(value.threshold, 10 ** 9) && isCount(value.batch_size, MAX_IN_BATCH);
}

const isCount = (value: unknown, most: number) =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most;
