import { defineErrors } from '../../common/errors';

export const replayErrors = defineErrors({
  INVALID_TURN_ID: [400, 'Last-Event-ID is not the id of a turn of a replay.'],
});
