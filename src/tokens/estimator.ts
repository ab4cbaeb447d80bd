import { createRequire } from 'node:module';

type Tokenizer = typeof import('gpt-tokenizer/cjs/encoding/o200k_base');

export type Encoding = 'o200k_base' | 'cl100k_base';

/** User text may contain what looks like a control token: it is text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** Byte-pair merging is quadratic in the length of one word: 64,000 letters in a row take 3 s, cut up 60 ms. */
const MAX_RUN_LENGTH = 64;
/** Signs of other scripts have three bytes, and are merged byte by byte; few have words of more letters. */
const MAX_FOREIGN_RUN_LENGTH = 24;
const FOREIGN_RUN = new RegExp(`[^\\s\\x00-\\x7f]{${MAX_FOREIGN_RUN_LENGTH}}`, 'g');
const WORD_RUN = new RegExp(`\\S{${MAX_RUN_LENGTH}}`, 'g');
const SPACE_RUN = new RegExp(`\\s{${MAX_RUN_LENGTH}}`, 'g');

/** Up to this many bytes every token is counted; a longer text is taken to be like its samples. */
const MAX_EXACT_BYTES = 64 * 1024;
const SAMPLES = 16;
const SAMPLE_LENGTH = 1024;
/** The most bytes that one character of a string, a UTF-16 unit, has in UTF-8. */
const MAX_UNIT_BYTES = 3;

const load = createRequire(__filename);
const loaded: Partial<Record<Encoding, Tokenizer>> = {};

/** An encoding takes long to load: it comes with the first text that is counted in it. */
const tokenizerOf = (encoding: Encoding) =>
  (loaded[encoding] ??= load(`gpt-tokenizer/cjs/encoding/${encoding}`) as Tokenizer);

/** Loads what nearly every message needs, before there is one. */
export const warmUp = () => void tokenizerOf('o200k_base');

/** Tokens of a text in one of OpenAI's encodings. */
export function countIn(encoding: Encoding, text: string): number {
  const cut = text.replace(FOREIGN_RUN, '$& ').replace(WORD_RUN, '$& ').replace(SPACE_RUN, '$&.');
  return tokenizerOf(encoding).countTokens(cut, AS_TEXT);
}

/**
 * The same for a text of any length, by a way of counting for shorter ones: what is over 64 KB is counted in sixteen pieces from
 * all over it, and in proportion, so that it costs the same whatever it is made of.
 */
export function inProportion(text: string, count: (text: string) => number): number {
  if (text.length === 0) return 0;
  if (text.length * MAX_UNIT_BYTES <= MAX_EXACT_BYTES || Buffer.byteLength(text) <= MAX_EXACT_BYTES) return count(text);
  const stride = text.length / SAMPLES;
  let tokens = 0;
  for (let i = 0; i < SAMPLES; i += 1) {
    const from = Math.floor(i * stride + (stride - SAMPLE_LENGTH) / 2);
    tokens += count(text.slice(from, from + SAMPLE_LENGTH));
  }
  return Math.round((tokens * text.length) / (SAMPLES * SAMPLE_LENGTH));
}

export const ESTIMATORS = ['o200k_base', 'chars_4', 'words_1.35'] as const;
/** How tokens are counted: OpenAI's encoding, characters / 4 rounded up, or words x 1.35 rounded down (C32). */
export type Estimator = (typeof ESTIMATORS)[number];

const estimators: Record<Estimator, (text: string) => number> = {
  o200k_base: (text) => inProportion(text, (part) => countIn('o200k_base', part)),
  chars_4: (text) => Math.ceil(text.length / 4),
  'words_1.35': (text) => inProportion(text, (part) => Math.floor((part.match(/\S+/g)?.length ?? 0) * 1.35)),
};

/** Tokens of a text. */
export const estimateTokens = (text: string, estimator: Estimator) => estimators[estimator](text);
