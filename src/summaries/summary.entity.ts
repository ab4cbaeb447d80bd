import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Thread } from '../threads';

/** A text that stands for a range of a thread's messages. The messages stay; the text never changes. */
@Entity('summaries')
@Check('summaries_range_check', '"from_seq" >= 1 AND "to_seq" >= "from_seq"')
@Index('summaries_range_idx', ['org_id', 'thread_id', 'from_seq', 'id'])
@Index('summaries_automatic_key', ['org_id', 'thread_id', 'from_seq'], { unique: true, where: 'automatic' })
export class Summary {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'summaries_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'summaries_pkey' })
  thread_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'summaries_pkey' })
  id!: string;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'summaries_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'summaries_thread_id_fkey' },
  ])
  thread?: Thread;

  /** Number of the first message of the range. */
  @Column({ type: 'bigint' })
  from_seq!: number;

  /** Number of the last one, which belongs to the range. */
  @Column({ type: 'bigint' })
  to_seq!: number;

  @Column({ type: 'text' })
  content!: string;

  @Column({ type: 'integer' })
  token_count!: number;

  /** `caller`, `local`, or the name of the model. */
  @Column({ type: 'text' })
  created_by!: string;

  /** Made by itself, after an append: no two of a thread begin at the same message. */
  @Column({ type: 'boolean', default: false })
  automatic!: boolean;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}

/** A summary as it is read; times are ISO texts. */
export type SummaryRow = Omit<Summary, 'org_id' | 'thread' | 'automatic' | 'created_at'> & { created_at: string };
