/** What is wrong with one field of a request. */
export interface FieldError {
  /** Dotted path, e.g. `messages.2.role`. */
  field: string;
  message: string;
}

interface ProblemExtras {
  errors?: FieldError[];
  headers?: Record<string, string>;
  /** Further members of the problem document, e.g. `current_version`. */
  members?: Record<string, unknown>;
  cause?: unknown;
}

/** An error with a place in a feature's table; the one filter turns it into `application/problem+json`. */
export class Problem extends Error {
  readonly errors?: FieldError[];
  readonly headers?: Record<string, string>;
  readonly members?: Record<string, unknown>;

  constructor(
    readonly code: string,
    readonly status: number,
    detail: string,
    extras: ProblemExtras = {},
  ) {
    super(detail, { cause: extras.cause });
    this.name = 'Problem';
    this.errors = extras.errors;
    this.headers = extras.headers;
    this.members = extras.members;
  }

  with(extras: ProblemExtras): Problem {
    return new Problem(this.code, this.status, this.message, { ...this, ...extras });
  }
}

type Detail = (...values: never[]) => string;
type ErrorTable = Record<string, readonly [status: number, detail: string | Detail]>;
type ErrorMakers<T extends ErrorTable> = {
  readonly [Code in keyof T]: (...values: T[Code][1] extends Detail ? Parameters<T[Code][1]> : []) => Problem;
};

/** Every code of every feature, for the API reference. */
export const errorCodes = new Map<string, { status: number; example: string }>();

/** Makes a feature's errors from its table of code, status and detail: `throw threadErrors.THREAD_NOT_FOUND(id)`. */
export function defineErrors<const T extends ErrorTable>(table: T): ErrorMakers<T> {
  const makers = Object.entries(table).map(([code, [status, detail]]) => {
    const render = (values: unknown[]) => (typeof detail === 'string' ? detail : detail(...(values as never[])));
    const names = typeof detail === 'string' ? [] : Array.from({ length: detail.length }, () => '…');
    errorCodes.set(code, { status, example: render(names) });
    return [code, (...values: unknown[]) => new Problem(code, status, render(values))];
  });
  return Object.fromEntries(makers) as ErrorMakers<T>;
}

/** Errors of any request, whatever its feature. */
export const commonErrors = defineErrors({
  VALIDATION_FAILED: [400, 'The request is not valid; see errors.'],
  INVALID_JSON: [400, (reason: string) => `The body is not valid JSON: ${reason}.`],
  INVALID_TEXT: [400, (path: string) => `${path} holds a NUL character or a lone surrogate, which cannot be stored.`],
  INVALID_NUMBER: [
    400,
    (path: string) => `${path} is a number that JSON readers cannot hold exactly: send it as a string.`,
  ],
  TOO_DEEP: [400, (maximum: number) => `The body is nested deeper than ${maximum} levels.`],
  TOO_MANY_VALUES: [400, (maximum: number) => `The body has more than ${maximum} values: send it in several requests.`],
  TOO_MANY_KEYS: [400, (maximum: number) => `The objects of the body have more than ${maximum} different keys.`],
  INVALID_ID: [
    400,
    (name: string, rule = 'must have 1 to 255 characters and no control characters') => `${name} ${rule}.`,
  ],
  INVALID_CURSOR: [400, 'The cursor is not one that this list gave out.'],
  BAD_REQUEST: [400, (reason: string) => reason],
  INVALID_RANGE: [400, (name: string) => `${name}: the start of the range is after its end.`],
  METADATA_TOO_LARGE: [400, (bytes: number) => `Metadata would be larger than ${bytes} bytes as JSON.`],
  TOO_MANY_ITEMS: [400, (maximum: number) => `One request takes at most ${maximum} items.`],
  ROUTE_NOT_FOUND: [404, (route: string) => `There is no route ${route}.`],
  BODY_TOO_LARGE: [413, (bytes: number) => `The body is larger than ${bytes} bytes.`],
  JSON_ONLY: [415, 'Bodies must be sent as application/json.'],
  PRECONDITION_FAILED: [
    412,
    (version: number, reason = `If-Match names another version; the current one is ${version}.`) => reason,
  ],
  VERSION_CONFLICT: [409, (version: number) => `The body names another version; the current one is ${version}.`],
  STORE_UNAVAILABLE: [503, 'The database cannot be reached. Retry later.'],
  INTERNAL_ERROR: [500, 'The server failed; the log has the cause under this request_id.'],
});
