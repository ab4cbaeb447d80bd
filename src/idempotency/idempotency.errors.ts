import { defineErrors } from '../common/errors';

export const idempotencyErrors = defineErrors({
  IDEMPOTENCY_KEY_INVALID: [400, 'Idempotency-Key must have 1 to 255 visible ASCII characters.'],
  IDEMPOTENCY_KEY_REUSED: [422, 'This Idempotency-Key was used for another request. Use a new key for a new request.'],
});
