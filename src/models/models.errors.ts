import { defineErrors } from '../common/errors';

/** Errors of a question to a model. Details may hold the provider's status and the start of its message, never a key. */
export const modelErrors = defineErrors({
  MODEL_UNAVAILABLE: [502, (reason: string) => `The model gave no answer: ${reason}. Retry later.`],
  MODEL_REFUSED: [502, (reason: string) => `The model's provider refused the request: ${reason}.`],
  MODEL_TIMEOUT: [504, (milliseconds: number) => `The model gave no answer within ${milliseconds} ms.`],
});
