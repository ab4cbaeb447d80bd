import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Thread } from '../thread.entity';

/** The thread that a user works in: where `/messages` without a thread goes. Gone with the thread. */
@Entity('current_threads')
@Index('current_threads_thread_id_idx', ['org_id', 'thread_id'])
export class CurrentThread {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'current_threads_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'current_threads_pkey' })
  user_id!: string;

  @Column({ type: 'uuid' })
  thread_id!: string;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'current_threads_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'current_threads_thread_id_fkey' },
  ])
  thread?: Thread;
}
