import { defineErrors } from '../common/errors';

export const sessionErrors = defineErrors({
  SESSION_EXISTS: [409, (id: string) => `There is a session ${id} already.`],
  TOO_MANY_SESSIONS: [
    429,
    (most: number) => `The organization has ${most} active sessions, and SESSION_EVICTION_POLICY is reject.`,
  ],
});
