import { countIn, inProportion } from './encodings';

export const ESTIMATORS = ['o200k_base', 'chars_4', 'words_1.35'] as const;
/** How tokens are counted: OpenAI's encoding, characters / 4 rounded up, or words x 1.35 rounded down (C32). */
export type Estimator = (typeof ESTIMATORS)[number];

const estimators: Record<Estimator, (text: string) => number> = {
  o200k_base: (text) => countIn('o200k_base', text),
  chars_4: (text) => Math.ceil(text.length / 4),
  'words_1.35': (text) => Math.floor((text.match(/\S+/g)?.length ?? 0) * 1.35),
};

/** Tokens of a text. */
export const estimateTokens = (text: string, estimator: Estimator) => inProportion(text, estimators[estimator]);
