import { defineErrors } from '../common/errors';

export const memoryErrors = defineErrors({
  MEMORY_NOT_FOUND: [404, (key: string) => `Memory ${key} does not exist.`],
  MEMORY_LIMIT_REACHED: [409, (maximum: number) => `The user has ${maximum} memories already. Delete some first.`],
  MEMORY_VALUE_TOO_LARGE: [400, (bytes: number) => `A value would be larger than ${bytes} bytes as JSON.`],
});
