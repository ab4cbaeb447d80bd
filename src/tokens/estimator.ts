import { createRequire } from 'node:module';

type Tokenizer = typeof import('gpt-tokenizer/cjs/encoding/o200k_base');

export type Encoding = 'o200k_base' | 'cl100k_base';

/** User text may contain what looks like a control token: it is text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** Byte-pair merging is quadratic in the length of one word: 64,000 letters in a row take 3 s, cut up 60 ms. */
const MAX_RUN_LENGTH = 256;
const WORD_RUN = new RegExp(`\\S{${MAX_RUN_LENGTH}}`, 'g');
const SPACE_RUN = new RegExp(`\\s{${MAX_RUN_LENGTH}}`, 'g');

/** Beyond this many characters the rest is taken to be like the beginning, so that one message cannot hold up the server. */
const MAX_TEXT_LENGTH = 1_000_000;

const load = createRequire(__filename);
const loaded: Partial<Record<Encoding, Tokenizer>> = {};

/** An encoding takes long to load: it comes with the first text that is counted in it. */
const tokenizerOf = (encoding: Encoding) =>
  (loaded[encoding] ??= load(`gpt-tokenizer/cjs/encoding/${encoding}`) as Tokenizer);

/** Loads what nearly every message needs, before there is one. */
export const warmUp = () => void tokenizerOf('o200k_base');

/** Tokens of a text in one of OpenAI's encodings. */
export function countIn(encoding: Encoding, text: string): number {
  return tokenizerOf(encoding).countTokens(text.replace(WORD_RUN, '$& ').replace(SPACE_RUN, '$&.'), AS_TEXT);
}

/** The same for a text of any length, by a way of counting for shorter ones. */
export function inProportion(text: string, count: (text: string) => number): number {
  if (text.length === 0) return 0;
  if (text.length <= MAX_TEXT_LENGTH) return count(text);
  return Math.round((count(text.slice(0, MAX_TEXT_LENGTH)) * text.length) / MAX_TEXT_LENGTH);
}

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
