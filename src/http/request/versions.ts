import { commonErrors } from '../../common/errors';
import { IntField } from './fields';

/** The version that a write rests on: from `If-Match` (412 when stale) or from the body (409 when stale). */
export interface Precondition {
  readonly version?: number;
  readonly ifMatch: boolean;
  /** `If-None-Match: *`: nothing is there yet, which is version 0. */
  readonly mustBeNew?: boolean;
}

/** The check of a thread's version in a body. */
export class ExpectedVersion {
  @IntField({
    min: 1,
    description: "The thread's version that this write rests on; 409 VERSION_CONFLICT if it is not current.",
  })
  expected_version?: number;

  @IntField({ min: 1, description: 'The same as expected_version.' })
  version?: number;
}

/** `If-Match` wins over the body. */
export const precondition = (ifMatch: number | undefined, body?: ExpectedVersion): Precondition => ({
  version: ifMatch ?? body?.expected_version ?? body?.version,
  ifMatch: ifMatch !== undefined,
});

/** @throws PRECONDITION_FAILED, VERSION_CONFLICT */
export function checkVersion(expected: Precondition, current: number): void {
  if (expected.version === undefined || expected.version === current) return;
  const members = { current_version: current };
  if (expected.mustBeNew) {
    const reason = `If-None-Match: * stores only what is not there yet, and it is there, at version ${current}.`;
    throw commonErrors.PRECONDITION_FAILED(current, reason).with({ members });
  }
  const error = expected.ifMatch ? commonErrors.PRECONDITION_FAILED : commonErrors.VERSION_CONFLICT;
  throw error(current).with({ members });
}
