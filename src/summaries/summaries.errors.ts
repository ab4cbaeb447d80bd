import { defineErrors } from '../common/errors';

export const summaryErrors = defineErrors({
  SUMMARY_BEYOND_END: [
    400,
    (last: number) => `The last message has the number ${last}: a summary cannot reach past it. Append first.`,
  ],
  SUMMARY_EMPTY: [502, 'The model gave no summary. Retry later.'],
  SUMMARY_OUTDATED: [409, 'The messages changed while they were being summarized. Retry.'],
});
