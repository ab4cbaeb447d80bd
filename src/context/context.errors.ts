import { defineErrors } from '../common/errors';

export const contextErrors = defineErrors({
  TOKEN_BUDGET_EXCEEDED: [
    422,
    (tokens: number, budget: number) =>
      `token budget exceeded: the messages count at least ${tokens} tokens, the budget has room for ${budget}.`,
  ],
});
