import { ApiProperty } from '@nestjs/swagger';
import { EnumField, IdField, NameField, TimeField } from '../../http/request/fields';
import { PageView } from '../../http/request/paging';
import type { ApiKey } from './api-key.entity';
import { type Role, ROLES } from '../../organizations';

/** An API key to make. */
export class CreateKeyRequest {
  /** What people call it. */
  @NameField({ required: true, description: 'What the key is for.', example: 'chat backend' })
  name!: string;

  /** What its bearer may do. */
  @EnumField(ROLES, {
    required: true,
    description:
      '`member`: one user. `admin`: the whole organization and its keys. `service`: any user, named in `X-User-Id`.',
  })
  role!: Role;

  /** Whom its bearer acts as. */
  @IdField({
    nullable: true,
    description: 'Whom the bearer acts as. Required for `member`; `admin` unless set for `admin`; none for `service`.',
  })
  user_id?: string | null;

  /** From when on it is refused. */
  @TimeField({ nullable: true, description: 'From when on the key is refused. Absent or null: never.' })
  expires_at?: string | number | null;
}

/** An API key, without its secret. */
export class KeyView {
  /** Names the key in these routes; it is no secret. */
  @ApiProperty({ format: 'uuid', description: 'Names the key in these routes; no secret.' })
  id!: string;

  /** What people call it. */
  @ApiProperty({ description: 'What the key is for.' })
  name!: string;

  /** What its bearer may do. */
  @ApiProperty({ enum: ROLES, description: 'What its bearer may do.' })
  role!: Role;

  /** Whom its bearer acts as. */
  @ApiProperty({ type: String, nullable: true, description: 'Whom its bearer acts as; null for `service`.' })
  user_id!: string | null;

  /** When it was made. */
  @ApiProperty({ format: 'date-time', description: 'When it was made.' })
  created_at!: string;

  /** From when on it is refused. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'From when on it is refused.' })
  expires_at!: string | null;

  /** When it was last used. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Last use, to the minute.' })
  last_used_at!: string | null;
}

/** A new API key; the only answer that ever holds the key itself. */
export class CreatedKeyView extends KeyView {
  /** The key. */
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The key itself, shown only once: null when the request repeats an Idempotency-Key.',
  })
  key!: string | null;
}

/** A page of API keys. */
export class KeyPageView extends PageView {
  /** The keys of the page. */
  @ApiProperty({ type: [KeyView], description: 'The keys that are not revoked, newest first.' })
  data!: KeyView[];
}

/** That a key is revoked. */
export class RevokedKeyView {
  /** Always true. */
  @ApiProperty({ enum: [true], description: 'Always true.' })
  deleted!: true;

  /** The key. */
  @ApiProperty({ format: 'uuid', description: 'The revoked key.' })
  id!: string;
}

/** The columns that a view is made of. */
export type KeyRow = Pick<ApiKey, keyof KeyView>;

/** What the API shows of a row. */
export const toKeyView = (row: KeyRow): KeyView => ({
  id: row.id,
  name: row.name,
  role: row.role,
  user_id: row.user_id,
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at?.toISOString() ?? null,
  last_used_at: row.last_used_at?.toISOString() ?? null,
});
