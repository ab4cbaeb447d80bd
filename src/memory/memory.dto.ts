import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import {
  BoundField,
  field,
  FlagField,
  IdField,
  IntField,
  isObject,
  satisfies,
  TextField,
  TimeField,
} from '../http/request/fields';
import { isPlainId } from '../common/ids';
import type { Json } from '../common/json';
import { CountedPageQuery, PageQuery, PageView } from '../http/request/paging';
import type { MemoryVersion } from './memory-version.entity';
import type { MemoryRow } from './memory.repository';

const ANY_JSON = {
  nullable: true,
  oneOf: [
    { type: 'object', additionalProperties: true },
    { type: 'array', items: {} },
    { type: 'string' },
    { type: 'number' },
    { type: 'boolean' },
  ],
};

const VALUE =
  'Any JSON, null included; at most MEMORY_VALUE_LIMIT_BYTES. Equal JSON comes back, not the same text: the order of ' +
  'members may change, 1.0 is 1, and -0 is 0.';

/** When a write says that its entries end. */
class Lifetime {
  @TimeField({
    nullable: true,
    description: 'The entry is gone from this time on; must be in the future. null: never.',
  })
  expires_at?: string | number | null;

  @IntField({ min: 1, max: 3_155_760_000, description: 'The same in seconds from now; not together with expires_at.' })
  ttl_seconds?: number;
}

class BodyScope extends Lifetime {
  @IdField({ description: 'Saves for this session only; made if it does not exist. Absent: for the user.' })
  session_id?: string;
}

/** One fact to save. What the body does not say is not kept: without an expiry the entry has none. */
export class SaveMemory extends BodyScope {
  @field(
    { required: true, nullable: true, description: VALUE, example: { theme: 'dark' } },
    ANY_JSON,
    satisfies('isPresent', 'be given; null is a value', (value) => value !== undefined),
  )
  value!: Json;

  @IntField({
    description: 'The version that this write rests on, 0 for none; 409 VERSION_CONFLICT if it is not current.',
  })
  version?: number;

  @IntField({ description: 'The same as version.' })
  expected_version?: number;
}

/** Several facts: all are saved or none. */
export class SaveMemories extends BodyScope {
  @field(
    {
      required: true,
      description: 'Values by key, at most MESSAGE_BATCH_LIMIT.',
      example: { theme: 'dark', language: 'de' },
    },
    { type: 'object', additionalProperties: ANY_JSON },
    satisfies(
      'isMemories',
      'be an object of at least one key, each of 1 to 255 characters, none a control character',
      (value) => {
        return isObject(value) && Object.keys(value).length > 0 && Object.keys(value).every(isPlainId);
      },
    ),
  )
  memories!: Record<string, Json>;
}

export class ScopeQuery {
  @IdField({ description: 'Only what was saved for this session. Absent: only what was saved for the user.' })
  session_id?: string;
}

export class ClearMemoryQuery {
  @IdField({ description: 'Only what was saved for this session. Absent: everything, of all sessions too.' })
  session_id?: string;
}

/** Which entries; in the order of their keys, by code point. */
export class ListMemoriesQuery extends IntersectionType(CountedPageQuery, ScopeQuery) {
  @FlagField({ default: 'false', description: "With session_id: the user's entries too; the session's win (C11)." })
  include_user?: 'true' | 'false';

  @IdField({ description: 'Only this key.' })
  key?: string;

  @IdField({ description: 'Only keys that begin so.' })
  prefix?: string;

  @BoundField({ description: 'Last saved at this time or later.' })
  updated_from?: string;

  @BoundField({ description: 'Last saved before this time.' })
  updated_to?: string;
}

export const MAP_LIMIT = 1000;

export class MemoryMapQuery extends ListMemoriesQuery {
  @IntField({ max: 1000, default: MAP_LIMIT, description: 'Entries a page, 0 to 1000.' })
  declare limit?: number;
}

export class SearchMemoriesQuery extends ScopeQuery {
  @TextField({
    min: 1,
    max: 1000,
    required: true,
    description: 'Words, "a phrase", -without; in any form and nearly any spelling.',
    example: 'allergies',
  })
  q!: string;

  @FlagField({ default: 'false', description: "With session_id: the user's entries too." })
  include_user?: 'true' | 'false';

  @IntField({ min: 1, max: 100, default: 10, description: 'At most this many, the best first.' })
  limit?: number;
}

export class MemoryHistoryQuery extends IntersectionType(PageQuery, ScopeQuery) {}

/** One fact. */
export class MemoryView {
  @ApiProperty()
  key!: string;

  @ApiProperty(ANY_JSON)
  value!: unknown;

  @ApiProperty({ type: String, nullable: true, description: 'The session that it was saved for; null: the user.' })
  session_id!: string | null;

  @ApiProperty({ type: 'integer', description: 'Rises by one with every save of the key; also the ETag.' })
  version!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null: never.' })
  expires_at!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time', description: 'Moves with every save.' })
  updated_at!: string;
}

/** One fact that a search found. */
class FoundMemory extends MemoryView {
  @ApiProperty({ description: 'How well it matches; higher is better, of no unit.' })
  score!: number;
}

export class FoundMemories {
  @ApiProperty({ type: [FoundMemory], description: 'The best first.' })
  data!: FoundMemory[];
}

export class MemoryList extends PageView {
  @ApiProperty({ type: [MemoryView] })
  data!: MemoryView[];
}

export class MemoryMap extends PageView {
  @ApiProperty({
    type: 'object',
    additionalProperties: ANY_JSON,
    description: 'Values by key.',
    example: { theme: 'dark' },
  })
  memories!: Record<string, unknown>;
}

export class MemoryBatch {
  @ApiProperty({ type: [MemoryView], description: 'In the order of the keys.' })
  data!: MemoryView[];

  @ApiProperty({ type: 'integer', description: 'How many of them are new.' })
  created!: number;
}

/** A value that the key had before. */
class MemoryVersionView {
  @ApiProperty({ type: 'integer' })
  version!: number;

  @ApiProperty(ANY_JSON)
  value!: unknown;

  @ApiProperty({ description: 'Who saved it: the user, or an admin or service for them.' })
  saved_by!: string;

  @ApiProperty({ format: 'date-time' })
  saved_at!: string;
}

export class MemoryHistory extends PageView {
  @ApiProperty({ type: [MemoryVersionView], description: 'Newest first, without the present value.' })
  data!: MemoryVersionView[];
}

export class DeletedMemory {
  @ApiProperty({ example: true })
  deleted!: boolean;

  @ApiProperty({ example: true })
  success!: boolean;

  @ApiProperty()
  key!: string;
}

export class ClearedMemory {
  @ApiProperty({ type: 'integer', description: 'Entries that were removed.' })
  count!: number;
}

export const toMemoryView = (memory: MemoryRow): MemoryView => ({
  key: memory.key,
  value: memory.value,
  session_id: memory.session_id,
  version: memory.version,
  expires_at: memory.expires_at?.toISOString() ?? null,
  created_at: memory.created_at.toISOString(),
  updated_at: memory.updated_at.toISOString(),
});

export const toMemoryVersionView = ({ version, value, saved_by, saved_at }: MemoryVersion): MemoryVersionView => ({
  version,
  value,
  saved_by,
  saved_at: saved_at.toISOString(),
});
