import { ApiProperty } from '@nestjs/swagger';
import { FlagField, IntField, NameField, UuidField } from '../http/request/fields';
import { SessionIdField } from '../threads';

/** What of a thread goes into its fork. */
export class ForkThread {
  @NameField({ description: "Name of the new thread; by default the source's." })
  name?: string;

  @UuidField({ description: 'The last message to copy; by default the last one there is.' })
  up_to_message_id?: string;

  @IntField({ description: 'Instead of up_to_message_id: messages after this number are not copied; 0 copies none.' })
  up_to_seq?: number;
}

/** What of a session goes into its fork, and what that is called. */
export class ForkSession {
  @SessionIdField('Id of the new session. Without one the server makes one up; one that is in use is 409.')
  new_session_id?: string | null;

  @IntField({
    description:
      'Only the first n entries of the history are copied: a question and its answer are two. 0 copies none; more than there are is 400.',
  })
  at_turn?: number;

  @UuidField({ description: 'Instead of at_turn: the last message to copy.' })
  up_to_message_id?: string;
}

export class EditQuery {
  @FlagField({
    default: 'false',
    description:
      'true: the message stays; a copy of the thread before it goes on with the edited one. It is yours, and current.',
  })
  branch?: 'true' | 'false';
}

/** A thread in a tree of forks. */
export class ForkNode {
  @ApiProperty({ format: 'uuid' })
  thread_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: String, nullable: true, description: 'The session that stands on it, if there is one.' })
  session_id!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The thread that it was forked from.' })
  parent_thread_id!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: "The parent's number of the last message copied." })
  fork_point!: number | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ type: () => [ForkNode], description: 'Its forks that you may see, first made first.' })
  children!: ForkNode[];
}

export class ForkTree extends ForkNode {
  @ApiProperty({ description: 'There are more than 1000 threads, or than 50 levels: ask for the tree of a fork.' })
  has_more!: boolean;
}
