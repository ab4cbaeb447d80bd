import { defineErrors } from '../common/errors';

export const searchErrors = defineErrors({
  SEMANTIC_SEARCH_NOT_OFFERED: [400, 'This server searches by words and spellings, not by meaning: use another mode.'],
  SEARCH_LANGUAGE_UNKNOWN: [
    400,
    (language: string) => `The database has no text search for ${language}; GET the same path for those it has.`,
  ],
  SEARCH_BUSY: [503, 'This instance runs as many searches as it may. Retry, on another one.'],
  SEARCH_TIMEOUT: [503, 'The search took too long. Ask for rarer words or in a narrower place, or retry later.'],
});
