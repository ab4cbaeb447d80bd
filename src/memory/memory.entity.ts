import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Json } from '../common/json';
import { User } from '../organizations';
import { Session } from '../sessions';

/** A keyed JSON fact of a user, or of one session of that user. Gone with either. */
@Entity('memories')
@Check('memories_session_scope_check', `session_scope = COALESCE(session_id, '')`)
// Of other kinds, which TypeORM cannot compare.
@Index('memories_words_idx', { synchronize: false })
@Index('memories_extract_idx', { synchronize: false })
@Index('memories_session_id_idx', ['org_id', 'user_id', 'session_id'], { where: '(session_id IS NOT NULL)' })
@Index('memories_expires_at_idx', ['expires_at'], { where: '(expires_at IS NOT NULL)' })
export class Memory {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'memories_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'memories_pkey' })
  user_id!: string;

  /** The session, or '' for the user's own: a key cannot hold NULL (C52). */
  @PrimaryColumn({ type: 'text', collation: 'C', default: '', primaryKeyConstraintName: 'memories_pkey' })
  session_scope!: string;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'memories_pkey' })
  key!: string;

  /** The same as `session_scope`, with null for the user's own. */
  @Column({ type: 'text', collation: 'C', nullable: true })
  session_id!: string | null;

  /** Any JSON; JSON null is a value (C22). */
  @Column({ type: 'jsonb' })
  value!: Json;

  /** What it begins with, in small letters. A trigger fills both; null: not saved since they came. */
  @Column({ type: 'text', nullable: true, select: false })
  extract?: string | null;

  @Column({ type: 'tsvector', nullable: true, select: false })
  words?: string | null;

  /** Rises by one with every save of the key. */
  @Column({ type: 'bigint', default: 1 })
  version!: number;

  /** From then on the entry is gone, for every reader; null: never. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  updated_at!: Date;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'memories_user_id_fkey' },
    { name: 'user_id', referencedColumnName: 'id', foreignKeyConstraintName: 'memories_user_id_fkey' },
  ])
  user?: User;

  @ManyToOne(() => Session, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'memories_session_id_fkey' },
    { name: 'user_id', referencedColumnName: 'user_id', foreignKeyConstraintName: 'memories_session_id_fkey' },
    { name: 'session_id', referencedColumnName: 'id', foreignKeyConstraintName: 'memories_session_id_fkey' },
  ])
  session?: Session;
}
