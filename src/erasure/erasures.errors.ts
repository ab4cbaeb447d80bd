import { defineErrors } from '../common/errors';

export const erasureErrors = defineErrors({
  ERASURE_NOT_FOUND: [404, (id: string) => `Erasure ${id} does not exist.`],
  ERASURE_SUBJECT: [400, "Name either user_id, or org_id with the credentials' own organization."],
});
