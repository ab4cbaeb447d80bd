import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Organization } from '../organizations';

export const ERASURE_SUBJECTS = ['user', 'organization'] as const;
export type ErasureSubject = (typeof ERASURE_SUBJECTS)[number];
export const ERASURE_STATUSES = ['running', 'done'] as const;
export type ErasureStatus = (typeof ERASURE_STATUSES)[number];

/** The removal of everything of a user or an organization, and its receipt. */
@Entity('erasures')
@Check('erasures_subject_check', `subject IN ('user', 'organization')`)
@Check('erasures_status_check', `status IN ('running', 'done')`)
@Index('erasures_running_idx', ['updated_at'], { where: `(status = 'running')` })
export class Erasure {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'erasures_pkey' })
  @ForeignKey(() => Organization, { name: 'erasures_org_id_fkey', onDelete: 'CASCADE' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'erasures_pkey' })
  id!: string;

  @Column({ type: 'text' })
  subject!: ErasureSubject;

  /** Whose rows; null once it is done, so that the receipt names nobody. */
  @Column({ type: 'text', nullable: true })
  user_id!: string | null;

  @Column({ type: 'text', default: 'running' })
  status!: ErasureStatus;

  /** Rows removed so far, by table. */
  @Column({ type: 'jsonb', default: {} })
  rows!: Record<string, number>;

  @Column({ type: 'text', nullable: true })
  requested_by!: string | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;

  /** Moves with every batch: an erasure that stands still has lost its server. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  updated_at!: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  finished_at!: Date | null;
}
