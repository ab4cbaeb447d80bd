import { IntField } from '../../http/request/fields';
import { PastTimeField } from '../message-fields';
import { MessageInput } from '../messages.dto';

/** Far beyond any conversation, and far enough from 2^53 for all that is appended afterwards. */
export const MAX_SEQ = 10 ** 12;

/** When something was made and last changed, elsewhere or before. */
export class EarlierTimes {
  @PastTimeField({ description: 'When it was made; by default now.' })
  created_at?: string | number;

  @PastTimeField({ description: 'When it was last changed; by default created_at.' })
  updated_at?: string | number;
}

/** A message with the number and the times that it had before. */
export class EarlierMessage extends MessageInput {
  @IntField({ min: 1, max: MAX_SEQ, description: 'Its number: above that of the message before it.' })
  seq?: number;

  @PastTimeField({ description: 'When it was stored; by default now.' })
  created_at?: string | number;

  @PastTimeField({ description: 'When it was last edited; by default created_at.' })
  updated_at?: string | number;
}
