import type { Statement } from './transaction';

/** Who asks, inside the organization: what the predicates below need of a principal. */
export interface Viewer {
  readonly orgId: string;
  readonly userId: string;
  readonly seesOrganization: boolean;
}

/** Which thread a request means: one by its own id, or the one of the caller's session. */
export interface Target {
  readonly by: 'thread' | 'session';
  readonly id: string;
}

export const byThread = (id: string): Target => ({ by: 'thread', id });
export const bySession = (id: string): Target => ({ by: 'session', id });

/** What has expired is gone at once, whether or not the cleanup has been there (C15). */
export const unexpired = (alias: string) => `(${alias}.expires_at IS NULL OR ${alias}.expires_at >= now())`;

/** When a write happens: never at or before the last one, also when the clock goes back. Lists and caches rely on it. */
export const WRITTEN_AT = `greatest(clock_timestamp(), t.updated_at + interval '1 ms')`;

/** What every write sets on its `threads t`: a session lives on from there. */
export const TOUCH = `version = t.version + 1, updated_at = ${WRITTEN_AT},
  expires_at = ${WRITTEN_AT} + t.lifetime_ms * interval '1 ms'`;

/**
 * Who may see and change a thread inside its organization: its owner, and the organization's admins.
 * The one place where this is written. Row-level security keeps other organizations out on its own.
 * @param alias of the threads table in the statement
 * @param first number of the first of its three parameters; the values come from `viewerValues`
 */
export const visibleThread = (alias: string, first: number) =>
  `${alias}.org_id = $${first} AND (${alias}.user_id = $${first + 1} OR $${first + 2}::boolean) AND ${unexpired(alias)}`;

/** The thread of a live session of the viewer. Evicted, it has no session any more. */
const visibleSession = (alias: string, first: number) => `
  ${alias}.org_id = $${first} AND ${alias}.session_id IS NOT NULL AND ${unexpired(alias)} AND $${first + 2}::boolean IS NOT NULL
  AND ${alias}.id = (SELECT s.thread_id FROM sessions s WHERE s.org_id = $${first} AND s.user_id = $${first + 1} AND s.id = $${first + 3})`;

/** The target's thread, if the viewer may see it. Its four parameters come from `targetValues`. */
const targetThread = {
  thread: `${visibleThread('t', 1)} AND t.id = $4`,
  session: visibleSession('t', 1),
};

export const viewerValues = (viewer: Viewer): [string, string, boolean] => [
  viewer.orgId,
  viewer.userId,
  viewer.seesOrganization,
];

/** The values of `$1` to `$4`. */
export const targetValues = (viewer: Viewer, target: Target): [string, string, boolean, string] => [
  ...viewerValues(viewer),
  target.id,
];

/** A statement in its two forms, for either way to name a thread; `isTarget` stands for the condition on `threads t`. */
export const forTargets = (
  statement: Omit<Statement, 'text'>,
  text: (isTarget: string, by: Target['by']) => string,
): Record<Target['by'], Statement> => ({
  thread: { ...statement, text: text(targetThread.thread, 'thread') },
  session: { ...statement, name: `${statement.name}_of_session`, text: text(targetThread.session, 'session') },
});
