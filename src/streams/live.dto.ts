import { IntField, TextField } from '../http/request/fields';

/** Where a stream begins; the header Last-Event-ID goes before both. */
export class LiveQuery {
  @IntField({ min: 1, description: 'The first message that is wanted; 1: all there are. Absent: only what is new.' })
  from_seq?: number;

  @TextField({
    max: 64,
    description: 'The same as the header Last-Event-ID, for clients that cannot set one: go on behind this event.',
  })
  last_event_id?: string;
}
