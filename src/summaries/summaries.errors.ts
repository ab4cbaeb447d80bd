import { defineErrors } from '../common/errors';

export const summaryErrors = defineErrors({
  SUMMARY_EMPTY: [502, 'The model gave no summary. Retry later.'],
  SUMMARY_OUTDATED: [409, 'The messages changed while they were being summarized. Retry.'],
});
