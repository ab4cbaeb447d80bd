import { countTokens } from 'gpt-tokenizer/cjs/encoding/o200k_base';

export const ESTIMATORS = ['o200k_base', 'chars_4', 'words_1.35'] as const;
/** How tokens are counted: OpenAI's encoding, characters / 4 rounded up, or words x 1.35 rounded down (C32). */
export type Estimator = (typeof ESTIMATORS)[number];

/** User text may contain what looks like a control token: it is text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** Byte-pair merging is quadratic in the length of one word: 64,000 letters in a row take 3 s, cut up 60 ms. */
const LONGEST_RUN = 256;
const WORD_RUN = new RegExp(`\\S{${LONGEST_RUN}}`, 'g');
const SPACE_RUN = new RegExp(`\\s{${LONGEST_RUN}}`, 'g');

/** Beyond this many characters the rest is taken to be like the beginning, so that one message cannot hold up the server. */
const LONGEST_TEXT = 1_000_000;

const estimators: Record<Estimator, (text: string) => number> = {
  o200k_base: (text) => countTokens(text.replace(WORD_RUN, '$& ').replace(SPACE_RUN, '$&.'), AS_TEXT),
  chars_4: (text) => Math.ceil(text.length / 4),
  'words_1.35': (text) => Math.floor((text.match(/\S+/g)?.length ?? 0) * 1.35),
};

/** Tokens of a text. */
export function estimateTokens(text: string, estimator: Estimator): number {
  if (text.length === 0) return 0;
  if (text.length <= LONGEST_TEXT) return estimators[estimator](text);
  const beginning = estimators[estimator](text.slice(0, LONGEST_TEXT));
  return Math.round((beginning * text.length) / LONGEST_TEXT);
}
