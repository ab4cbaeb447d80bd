import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { User } from '../organizations';

export type ThreadStatus = 'active' | 'archived';

/** When the oldest messages are summarised by themselves; `true`: as SUMMARIZE_TOKEN_THRESHOLD and SUMMARIZE_KEEP_LAST say. */
export type AutoSummarize = true | { threshold: number; batch_size: number };

const LISTED = '(deleted_at IS NULL)';
const TRASHED = '(deleted_at IS NOT NULL)';
const ACTIVE_SESSION = '(session_id IS NOT NULL)';

/** One conversation of one user. The counters change with the rows that they count, in the same transaction. */
@Entity('threads')
@Check('threads_status_check', `"status" IN ('active', 'archived')`)
@Index('threads_user_id_status_updated_at_idx', ['org_id', 'user_id', 'status', 'updated_at', 'id'], { where: LISTED })
@Index('threads_status_updated_at_idx', ['org_id', 'status', 'updated_at', 'id'], { where: LISTED })
@Index('threads_user_id_id_idx', ['org_id', 'user_id', 'id'], { where: LISTED })
@Index('threads_user_id_deleted_at_idx', ['org_id', 'user_id', 'deleted_at', 'id'], { where: TRASHED })
@Index('threads_deleted_at_idx', ['deleted_at'], { where: TRASHED })
@Index('threads_forked_from_idx', ['org_id', 'forked_from_thread_id', 'id'], {
  where: '(forked_from_thread_id IS NOT NULL)',
})
@Index('threads_session_user_updated_at_idx', ['org_id', 'user_id', 'updated_at', 'id'], { where: ACTIVE_SESSION })
@Index('threads_session_updated_at_idx', ['org_id', 'updated_at', 'id'], { where: ACTIVE_SESSION })
@Index('threads_expires_at_idx', ['expires_at'], { where: '(expires_at IS NOT NULL)' })
export class Thread {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'threads_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'threads_pkey' })
  id!: string;

  @Column({ type: 'text' })
  user_id!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'threads_user_id_fkey' },
    { name: 'user_id', referencedColumnName: 'id', foreignKeyConstraintName: 'threads_user_id_fkey' },
  ])
  user?: User;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'jsonb', default: {} })
  metadata!: Record<string, unknown>;

  @Column({ type: 'text', default: 'active' })
  status!: ThreadStatus;

  /** The highest number given to a message; numbers are never reused. */
  @Column({ type: 'bigint', default: 0 })
  last_seq!: number;

  @Column({ type: 'bigint', default: 0 })
  message_count!: number;

  @Column({ type: 'bigint', default: 0 })
  token_count!: number;

  /** Exact decimal, as text. */
  @Column({ type: 'numeric', precision: 38, scale: 12, default: 0 })
  total_cost!: string;

  /** Rises by one with every write to the thread or its messages. */
  @Column({ type: 'bigint', default: 1 })
  version!: number;

  @Column({ type: 'uuid', nullable: true })
  forked_from_thread_id!: string | null;

  @Column({ type: 'bigint', nullable: true })
  forked_from_seq!: number | null;

  /** The session under which the thread is active; null for a plain thread, and while the session is evicted. */
  @Column({ type: 'text', collation: 'C', nullable: true })
  session_id!: string | null;

  /** From then on the thread is gone, for every reader; null: never. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at!: Date | null;

  /** How long after a write that is. */
  @Column({ type: 'bigint', nullable: true })
  lifetime_ms!: number | null;

  /** null: never (P57). */
  @Column({ type: 'jsonb', nullable: true })
  auto_summarize!: AutoSummarize | null;

  /** In the trash since then; null: not in the trash. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  deleted_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  updated_at!: Date;
}
