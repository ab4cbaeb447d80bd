import { defineErrors } from '../common/errors';

export const streamErrors = defineErrors({
  INVALID_EVENT_ID: [400, 'Last-Event-ID is not the id of an event of this stream.'],
  INVALID_TURN_ID: [400, 'Last-Event-ID is not the id of a turn of a replay.'],
  TOO_MANY_STREAMS: [
    429,
    (most: number, who = 'You have') => `${who} ${most} streams open already: close one, or share them.`,
  ],
  STREAMS_EXHAUSTED: [503, 'This instance serves as many streams as it may. Retry, on another one.'],
});
