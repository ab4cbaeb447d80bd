import { estimateTokens } from '../tokens';
import type { ModelUsage } from './chat-model.service';

/** US dollars for a million tokens, as decimal text of at most six places. */
interface Prices {
  input: string;
  output: string;
}

/** What the provider counted, unchecked; absent where it says nothing. */
export interface Counted {
  inputTokens?: unknown;
  outputTokens?: unknown;
}

const PRICE_PLACES = 6;
const COST_PLACES = 12;

/** The provider's count, or our own estimate where it gave none. */
export function toUsage(counted: Counted, prompt: string, text: string, prices: Prices): ModelUsage {
  const input = countOf(counted.inputTokens) ?? estimateTokens(prompt, 'o200k_base');
  const output = countOf(counted.outputTokens) ?? estimateTokens(text, 'o200k_base');
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    cost: costOf(input, output, prices),
  };
}

/** Exact: a price of six places for a million tokens makes twelve places for one. */
export function costOf(inputTokens: number, outputTokens: number, prices: Prices): string {
  const cost = BigInt(inputTokens) * scaled(prices.input) + BigInt(outputTokens) * scaled(prices.output);
  const digits = cost.toString().padStart(COST_PLACES + 1, '0');
  const fraction = digits.slice(-COST_PLACES).replace(/0+$/, '');
  return digits.slice(0, -COST_PLACES) + (fraction && `.${fraction}`);
}

function scaled(price: string): bigint {
  const [whole, fraction = ''] = price.split('.');
  return BigInt(whole + fraction.padEnd(PRICE_PLACES, '0'));
}

/** Providers are not to be trusted with arithmetic: a count is a whole number of at least 0. */
function countOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= 0)) return undefined;
  return Math.min(Math.round(value), Number.MAX_SAFE_INTEGER);
}
