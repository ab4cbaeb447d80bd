import { defineErrors } from '../../common/errors';

/** What goes wrong on the connection, before or beside any feature. */
export const httpErrors = defineErrors({
  SHUTTING_DOWN: [503, 'This instance is shutting down. Send the request again, to another one.'],
  HEADERS_TOO_LARGE: [431, 'The request line and headers are too large.'],
  DUPLICATE_HEADER: [400, (name: string) => `The header ${name} was sent twice: send it once.`],
  EXPECTATION_FAILED: [417, 'The only expectation that this server meets is 100-continue.'],
  REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
});
