import { ApiProperty } from '@nestjs/swagger';
import { EnumField, field, IdField, IntField, satisfies, TextField, TimeField } from '../http/request/fields';
import { PageView } from '../http/request/paging';
import { SHARE_PERMISSIONS, type SharePermission, ThreadView } from '../threads';
import type { Share } from './share.entity';

/** A century. */
const MAX_SECONDS = 3_155_760_000;

const SHARE_WARNINGS = ['unknown_user'] as const;
export type ShareWarning = (typeof SHARE_WARNINGS)[number];

const PERMISSION =
  '`read`: read the conversation, and copy it. `write`: also write, edit and delete its messages, and see what they were before and its trash.';

/** Whom to share a conversation with: a user, or whoever in the organization has a link's token. */
export class ShareConversation {
  @IdField({ description: 'A user of your organization; one who has not been seen yet may be named too. Or link.' })
  user_id?: string;

  @field(
    { description: 'Makes a link instead: the answer alone shows its token.' },
    { type: 'boolean', enum: [true] },
    satisfies('isTrue', 'be true', (value) => value === true),
  )
  link?: true;

  @EnumField(SHARE_PERMISSIONS, { required: true, description: PERMISSION })
  permission!: SharePermission;

  @IntField({ min: 1, max: MAX_SECONDS, description: 'Ends after so many seconds. Not together with expires_at.' })
  expires_in_seconds?: number;

  @TimeField({ nullable: true, description: 'Ends at this time. Absent or null: when it is revoked.' })
  expires_at?: string | number | null;
}

/** What may change of a share. Of a link, for everybody who has accepted it. */
export class UpdateShare {
  @EnumField(SHARE_PERMISSIONS, { description: PERMISSION })
  permission?: SharePermission;

  @IntField({ min: 1, max: MAX_SECONDS, description: 'Ends after so many seconds from now.' })
  expires_in_seconds?: number;

  @TimeField({ nullable: true, description: 'Ends at this time; null: when it is revoked.' })
  expires_at?: string | number | null;
}

export class AcceptShare {
  @TextField({ min: 1, max: 255, required: true, description: 'The token of a link.' })
  token!: string;
}

/** A share, without a link's secret. */
export class ShareView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid' })
  thread_id!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Who may see the thread; null for a link.' })
  user_id!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The link that the user accepted.' })
  link_id!: string | null;

  @ApiProperty({ enum: SHARE_PERMISSIONS, description: PERMISSION })
  permission!: SharePermission;

  @ApiProperty({ description: 'Who shared it.' })
  created_by!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null: it ends when it is revoked.' })
  expires_at!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;
}

/** A new share; of a link, the only answer that holds its token. */
export class CreatedShareView extends ShareView {
  @ApiProperty({
    type: String,
    nullable: true,
    description: "A link's token, shown only once: null for a user, and when the request repeats an Idempotency-Key.",
  })
  token!: string | null;

  @ApiProperty({
    enum: SHARE_WARNINGS,
    isArray: true,
    description:
      '`unknown_user`: nothing of that user was stored in your organization before. Is the id the one that they sign in with?',
  })
  warnings!: ShareWarning[];
}

export class ShareList extends PageView {
  @ApiProperty({ type: [ShareView], description: 'Those in force, oldest first.' })
  data!: ShareView[];
}

export class EndedShare {
  @ApiProperty({ example: true })
  deleted!: boolean;

  @ApiProperty({ format: 'uuid' })
  id!: string;
}

/** A thread of somebody else's, with what the caller may do with it. */
export class AcceptedThread extends ThreadView {
  @ApiProperty({ enum: SHARE_PERMISSIONS, description: PERMISSION })
  override permission!: SharePermission;
}

/** The columns that a view is made of. */
export type ShareRow = Pick<Share, keyof ShareView>;

/** What the API shows of a row. */
export const toShareView = (row: ShareRow): ShareView => ({
  id: row.id,
  thread_id: row.thread_id,
  user_id: row.user_id,
  link_id: row.link_id,
  permission: row.permission,
  created_by: row.created_by,
  expires_at: row.expires_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
});
