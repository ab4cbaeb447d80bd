import { defineErrors } from '../common/errors';

export const threadErrors = defineErrors({
  THREAD_NOT_FOUND: [404, (id: string) => `Thread ${id} does not exist.`],
  THREAD_NOT_WRITABLE: [
    403,
    'This thread is shared with you, but not for that: its owner can let you write, and only the owner may do the rest.',
  ],
  SESSION_ID_RESERVED: [400, (id: string) => `No session can be called "${id}": the word names a route.`],
  // Word for word what clients of the notebook's sessions know (N15).
  SESSION_NOT_FOUND: [404, 'Session not found'],
  NO_ACTIVE_THREAD: [409, 'No active thread. Create or set a thread first.'],
  OTHER_USER: [403, 'user_id names another user: only a service key or an admin may.'],
  OTHER_ORGANIZATION: [403, 'org_id names another organization than the credentials.'],
});
