import { commonErrors } from './errors';

/** The version that a write rests on: from `If-Match` (412 when stale) or from the body (409 when stale). */
export interface Precondition {
  readonly version?: number;
  readonly ifMatch: boolean;
}

export interface VersionInBody {
  version?: number;
  expected_version?: number;
}

/** `If-Match` wins over the body. */
export const precondition = (ifMatch: number | undefined, body?: VersionInBody): Precondition => ({
  version: ifMatch ?? body?.expected_version ?? body?.version,
  ifMatch: ifMatch !== undefined,
});

/** @throws PRECONDITION_FAILED, VERSION_CONFLICT */
export function checkVersion(expected: Precondition, current: number): void {
  if (expected.version === undefined || expected.version === current) return;
  const error = expected.ifMatch ? commonErrors.PRECONDITION_FAILED : commonErrors.VERSION_CONFLICT;
  throw error(current).with({ members: { current_version: current } });
}
