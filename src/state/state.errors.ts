import { defineErrors } from '../common/errors';

export const stateErrors = defineErrors({
  STATE_INVALID: [400, (reason: string) => `The state cannot be saved: ${reason}.`],
});
