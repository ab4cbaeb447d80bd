import { IntField, NameField, UuidField } from '../common/fields';
import { SessionIdField } from '../sessions/session-id';

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
      'Only the first n entries of the history are copied: a question and its answer are two. 0 copies none.',
  })
  at_turn?: number;

  @UuidField({ description: 'Instead of at_turn: the last message to copy.' })
  up_to_message_id?: string;
}
