import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, Unique } from 'typeorm';
import { Thread } from '../threads';

/**
 * A caller-named handle on exactly one thread. Messages, counters, metadata, version and times are the
 * thread's; here is only what a plain thread does not have.
 */
@Entity('sessions')
@Unique('sessions_thread_id_key', ['org_id', 'thread_id'])
@Index('sessions_awake_notebooks_idx', ['org_id', 'thread_id'], { where: '(awake AND (notebook_id IS NOT NULL))' })
export class Session {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'sessions_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'sessions_pkey' })
  user_id!: string;

  /** Chosen by the caller, unique for the user only: the same id of another user is another session (C07). */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'sessions_pkey' })
  id!: string;

  @Column({ type: 'uuid' })
  thread_id!: string;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'sessions_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'sessions_thread_id_fkey' },
  ])
  thread?: Thread;

  /** Of a notebook's session: these have an age (N22), a cap (C03) and a limit of their history (C04). */
  @Column({ type: 'text', nullable: true })
  notebook_id!: string | null;

  @Column({ type: 'text', nullable: true })
  prompt_name!: string | null;

  /** Instructions that stand before every context of the session. */
  @Column({ type: 'text', nullable: true })
  system_prompt!: string | null;

  /** Budget of the session's contexts, in tokens. */
  @Column({ type: 'integer', nullable: true })
  max_tokens!: number | null;

  /** `json`, not `jsonb`: names stay in the order in which they came (C49). */
  @Column({ type: 'json', default: {} })
  variables!: Record<string, unknown>;

  /** The thread's version after the last save of the whole state: such metadata is shown as it was saved. */
  @Column({ type: 'bigint', nullable: true })
  saved_version!: number | null;

  /** The agent's turn under way, until it ends or its time is over. */
  @Column({ type: 'uuid', nullable: true })
  turn_id!: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  turn_expires_at!: Date | null;

  /** Whether it is active: set by a trigger, as its thread's `session_id` says. */
  @Column({ type: 'boolean', default: true })
  awake!: boolean;

  /** Moved by reads while SESSION_TTL_SECONDS is set (C13). */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  last_accessed_at!: Date;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}

type OfThread =
  | 'status'
  | 'name'
  | 'metadata'
  | 'auto_summarize'
  | 'message_count'
  | 'token_count'
  | 'total_cost'
  | 'version'
  | 'expires_at';

/** A live session with what its thread says of it. */
export type SessionRow = Omit<Session, 'thread' | 'awake' | 'turn_id' | 'turn_expires_at'> &
  Pick<Thread, OfThread | 'updated_at'> & { parent_session_id: string | null; is_awake: boolean };
