import { defineErrors } from '../common/errors';

export const sharingErrors = defineErrors({
  // Without an id: it is the same for a share that is not there and for a thread that is not the caller's.
  SHARE_NOT_FOUND: [404, 'There is no such share.'],
  // The same for a link that is unknown, expired, revoked or another organization's.
  SHARE_LINK_NOT_FOUND: [404, 'There is no link of this token: it never was, has expired or is revoked.'],
  SHARE_WITH_OWNER: [400, 'The thread is that user’s own: it cannot be shared with its owner.'],
  SHARE_FOLLOWS_LINK: [409, 'This share came of a link and follows it: change the link instead, or delete the share.'],
  TOO_MANY_SHARES: [409, (most: number) => `A thread has at most ${most} shares, those of accepted links included.`],
});
