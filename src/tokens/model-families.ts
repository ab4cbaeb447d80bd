import { countIn, type Encoding, inProportion } from './estimator';

/** How the models of one family count. */
interface ModelFamily {
  readonly name: string;
  readonly models: RegExp;
  readonly encoding: Encoding;
  /** Tokens of the family for one of the encoding; 1 where the encoding is the family's own. */
  readonly ratio: number;
}

/**
 * The first family whose pattern matches a model's name, without the provider before it (`openai/gpt-4o`), counts.
 *
 * Only OpenAI's encodings are public and offline. The others are o200k_base times a ratio that is meant to count too
 * much rather than too little, for prose, code and JSON: a context that is a tenth smaller than it could be is answered,
 * one that is too large is refused. Newer Claude models need up to a third more tokens than o200k_base, Gemini and the
 * open models with vocabularies of 100,000 and more up to a fifth; what nobody knows is taken for the worst.
 */
export const MODEL_FAMILIES: readonly ModelFamily[] = [
  {
    name: 'openai-o200k',
    models: /^(ft:)?(gpt-4o|gpt-4\.1|gpt-4\.5|gpt-[5-9]|gpt-oss|chatgpt|codex|o\d)/,
    encoding: 'o200k_base',
    ratio: 1,
  },
  {
    name: 'openai-cl100k',
    models: /^(ft:)?(gpt-4|gpt-3\.5|gpt-35|text-embedding)/,
    encoding: 'cl100k_base',
    ratio: 1,
  },
  { name: 'anthropic', models: /claude/, encoding: 'o200k_base', ratio: 1.35 },
  { name: 'google', models: /^(gemini|gemma)/, encoding: 'o200k_base', ratio: 1.2 },
  {
    name: 'open',
    models: /^(meta-)?(llama|mistral|mixtral|ministral|codestral|qwen|qwq|deepseek|phi|command|grok|glm|kimi)/,
    encoding: 'o200k_base',
    ratio: 1.2,
  },
  { name: 'other', models: /^/, encoding: 'o200k_base', ratio: 1.4 },
];

/** @param model as its provider names it, with or without a path before it */
export function familyOf(model: string): ModelFamily {
  const name = model.toLowerCase().split('/').at(-1)!;
  return MODEL_FAMILIES.find(({ models }) => models.test(name))!;
}

/** Tokens of a text for a model of the family. */
export function countFor({ encoding, ratio }: ModelFamily, text: string): number {
  return Math.ceil(inProportion(text, (part) => countIn(encoding, part)) * ratio);
}
