import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, Unique } from 'typeorm';
import type { Json } from '../common/json';
import { Thread } from '../threads';

export const MESSAGE_ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

/** One call of a tool. `arguments` is JSON text and stays the byte-equal string (S17). */
export interface ToolCall {
  id: string;
  type: string;
  function: { name: string; arguments: string };
}

/** What a message says, in whichever table: there, or in the trash. */
export abstract class MessageFields {
  @Column({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  role!: MessageRole;

  /** SQL NULL: the message had no content at all; JSON null: its content was null (C54). */
  @Column({ type: 'jsonb', nullable: true })
  content!: Json;

  @Column({ type: 'jsonb', nullable: true })
  tool_calls!: ToolCall[] | null;

  @Column({ type: 'text', nullable: true })
  tool_call_id!: string | null;

  @Column({ type: 'text', nullable: true })
  name!: string | null;

  /** Who is said to speak: the caller's word. */
  @Column({ type: 'text', nullable: true })
  sender_id!: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  client_timestamp!: Date | null;

  /** The user who wrote it, by the credentials of the request; null: of before this was kept, or the user is erased (A01). */
  @Column({ type: 'text', nullable: true })
  created_by!: string | null;

  /** The id of the API key that wrote it, `jwt`, `default` or `cli`. */
  @Column({ type: 'text', nullable: true })
  created_via!: string | null;

  /** SHA-256 of what the caller sent, where the caller chose the id: tells a retry from another message. */
  @Column({ type: 'bytea', nullable: true })
  request_hash!: Buffer | null;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}

/** One entry of a thread, numbered by `seq` without gaps in the order in which it was stored. */
@Entity('messages')
@Unique('messages_id_key', ['org_id', 'id'])
// Of several kinds of values, which TypeORM cannot make.
@Index('messages_search_idx', { synchronize: false })
@Index('messages_sender_id_idx', ['org_id', 'sender_id'], { where: '(sender_id IS NOT NULL)' })
export class Message extends MessageFields {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'messages_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'messages_pkey' })
  thread_id!: string;

  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'messages_pkey' })
  seq!: number;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'messages_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'messages_thread_id_fkey' },
  ])
  thread?: Thread;

  @Column({ type: 'jsonb', default: {} })
  metadata!: Record<string, unknown>;

  @Column({ type: 'integer', default: 0 })
  token_count!: number;

  /** Exact decimal, as text. */
  @Column({ type: 'numeric', precision: 38, scale: 12, default: 0 })
  cost!: string;

  /** The thread's user: so that a search walks through nobody else's matches. Set by a trigger, as `search` is. */
  @Column({ type: 'text' })
  owner_id!: string;

  /** The words by which the message is found. */
  @Column({ type: 'tsvector', select: false })
  search!: string;
}

type Times = 'client_timestamp' | 'created_at' | 'updated_at';

/** A row as it is read: whether there is a content at all cannot be told from a parsed null, and times are ISO texts. */
export type MessageRow = Omit<Message, 'org_id' | 'thread' | 'request_hash' | 'owner_id' | 'search' | Times> & {
  has_content: boolean;
  client_timestamp: string | null;
  created_at: string;
  updated_at: string;
};
