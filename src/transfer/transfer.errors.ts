import { defineErrors } from '../common/errors';

export const transferErrors = defineErrors({
  IMPORT_FAILED: [400, 'Nothing could be imported; see errors.'],
  IMPORT_FORMAT_UNKNOWN: [
    400,
    'This is no conversation in a form that is known: ours, a list of messages, OpenAI, ChatGPT, or a saved state.',
  ],
  IMPORT_VERSION_UNKNOWN: [
    400,
    (version: number) => `schema_version ${version} is newer than this server: it reads up to 2.`,
  ],
  IMPORT_KEY_WITHOUT_BODY: [
    400,
    'An Idempotency-Key goes with a JSON body only: a stream is not kept, to be compared with its repetition.',
  ],
  CONVERSATION_TOO_LARGE: [
    413,
    (bytes: number) => `The conversation is larger than IMPORT_CONVERSATION_LIMIT_BYTES (${bytes} bytes).`,
  ],
  IMPORT_TOO_LARGE: [413, (bytes: number) => `The import is larger than IMPORT_LIMIT_BYTES (${bytes} bytes).`],
  IMPORT_GIVEN_UP: [
    400,
    (failures: number) => `${failures} conversations could not be imported; this one and what follows were not tried.`,
  ],
  TOO_MANY_EXPORTS: [429, 'Another export of yours, or too many of your organization, are being written. Retry later.'],
  IMPORT_STALLED: [408, 'Nothing more of the import has arrived for a minute.'],
});
