import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Json } from '../common/json';
import { Memory } from './memory.entity';

/** One value that a key had or has: written with each save, trimmed to MEMORY_HISTORY_LIMIT, gone with the key. */
@Entity('memory_versions')
@Index('memory_versions_saved_by_idx', ['org_id', 'saved_by'], { where: '(saved_by <> user_id)' })
export class MemoryVersion {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'memory_versions_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'memory_versions_pkey' })
  user_id!: string;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'memory_versions_pkey' })
  session_scope!: string;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'memory_versions_pkey' })
  key!: string;

  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'memory_versions_pkey' })
  version!: number;

  @Column({ type: 'jsonb' })
  value!: Json;

  /** The user who saved it: an admin or a service may save for another one. */
  @Column({ type: 'text' })
  saved_by!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  saved_at!: Date;

  @ManyToOne(() => Memory, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'memory_versions_key_fkey' },
    { name: 'user_id', referencedColumnName: 'user_id', foreignKeyConstraintName: 'memory_versions_key_fkey' },
    {
      name: 'session_scope',
      referencedColumnName: 'session_scope',
      foreignKeyConstraintName: 'memory_versions_key_fkey',
    },
    { name: 'key', referencedColumnName: 'key', foreignKeyConstraintName: 'memory_versions_key_fkey' },
  ])
  memory?: Memory;
}
