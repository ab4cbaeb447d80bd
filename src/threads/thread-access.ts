import { makeStatement, type RowFormat, type Statement } from '../database/door/sql';
import type { Target } from './target';

/** What somebody with whom a thread is shared may do with it. */
export const SHARE_PERMISSIONS = ['read', 'write'] as const;
export type SharePermission = (typeof SHARE_PERMISSIONS)[number];

/** What has expired is gone at once, whether or not the cleanup has been there (C15). */
export const unexpired = (alias: string) => `(${alias}.expires_at IS NULL OR ${alias}.expires_at >= now())`;

/** When a write happens: never at or before the last one, also when the clock goes back. Lists and caches rely on it. */
export const WRITTEN_AT = `greatest(clock_timestamp(), t.updated_at + interval '1 ms')`;

/** What so many writes set on their `threads t`: a session lives on from there. */
export const touchedBy = (writes: string) => `version = t.version + ${writes}, updated_at = ${WRITTEN_AT},
  expires_at = ${WRITTEN_AT} + t.lifetime_ms * interval '1 ms'`;

/** What one write sets. */
export const TOUCH = touchedBy('1');

/** What moves an expired `threads t` to the trash: it is there since it expired, with what it had, and as one of no session. */
export const EXPIRED = 'deleted_at = t.expires_at, expires_at = NULL, session_id = NULL';

/** Neither in the trash nor expired. */
export const present = (alias: string) => `(${alias}.deleted_at IS NULL AND ${unexpired(alias)})`;

/** What somebody wants with a thread: `own` is what only its owner may do, such as to delete or share it. */
type Purpose = 'read' | 'write' | 'own';

/** What becomes of a share that somebody else holds: it is waited for, or taken as not there. */
type Locked = '' | 'SKIP LOCKED';

/** A caller in the terms of a statement: its parameters, or columns of what it reads. */
interface PrincipalTerms {
  orgId: string;
  userId: string;
  seesOrganization: string;
}

/** A share that is still in force. */
export const inForce = (alias: string) => `(${alias}.expires_at IS NULL OR ${alias}.expires_at > now())`;

/** The threads that others share with a user, as a condition of a list: read from the user's shares, which are few. */
export const sharedWith = (alias: string, orgId: string, userId: string) =>
  `${alias}.id = ANY (ARRAY(SELECT h.thread_id FROM shares h WHERE h.org_id = ${orgId} AND h.user_id = ${userId} AND ${inForce('h')}))`;

/** The best of what a user has been given of a listed thread; to be joined LATERAL. */
export const bestShare = (alias: string, orgId: string, userId: string) => `
  SELECT h.id AS share_id, h.permission FROM shares h
  WHERE h.org_id = ${orgId} AND h.user_id = ${userId} AND h.thread_id = ${alias}.id AND ${inForce('h')}
  ORDER BY h.permission DESC, h.id LIMIT 1`;

/**
 * Threads that others share with the caller: the only exception to that a thread is its owner's (C48). A writer locks the
 * share: who revokes it waits for the writes under way, and none of an older snapshot comes after the answer. So it is not
 * for transactions that only read.
 */
const sharedThread = (alias: string, { orgId, userId }: PrincipalTerms, purpose: Purpose, locked: Locked) =>
  purpose === 'own'
    ? ''
    : `OR EXISTS (
    SELECT FROM shares h WHERE h.org_id = ${orgId} AND h.user_id = ${userId} AND h.thread_id = ${alias}.id
      AND ${inForce('h')} ${purpose === 'write' ? `AND h.permission = 'write' FOR SHARE ${locked}` : ''})`;

/**
 * Who may see and change a thread inside its organization: its owner, the organization's admins, and those with whom
 * it is shared. The one place where this is written. Row-level security keeps other organizations out on its own.
 * @param alias of the threads table in the statement
 */
export const visibleTo = (
  alias: string,
  principal: PrincipalTerms,
  purpose: Purpose = 'read',
  locked: Locked = '',
) => `${alias}.org_id = ${principal.orgId}
  AND (${alias}.user_id = ${principal.userId} OR ${principal.seesOrganization} ${sharedThread(alias, principal, purpose, locked)}) AND ${present(alias)}`;

/** The names of a principal's parameters; a principal has their values. */
export type PrincipalNames = 'orgId' | 'userId' | 'seesOrganization';

const CALLER: PrincipalTerms = { orgId: ':orgId', userId: ':userId', seesOrganization: ':seesOrganization::boolean' };

/** The same for the caller of a request: `{ ...principal }` has the values. */
export const visible = (alias: string, purpose: Purpose = 'read') => visibleTo(alias, CALLER, purpose);

/**
 * The caller's threads in the trash, and for an admin all of them: what was shared is not, there. What has expired is there at
 * once, whether or not the cleanup has moved it.
 */
export const inTrash = (alias: string) => `${alias}.org_id = :orgId
  AND (${alias}.user_id = :userId OR :seesOrganization::boolean) AND NOT ${present(alias)}`;

/** The thread of the caller's live session. Evicted, or in the trash, it has no session any more. */
const ofSession = (alias: string) => `
  ${alias}.org_id = :orgId AND ${alias}.session_id IS NOT NULL AND ${unexpired(alias)}
  AND ${alias}.id = (SELECT s.thread_id FROM sessions s WHERE s.org_id = :orgId AND s.user_id = :userId AND s.id = :target)`;

/** The names of a target's parameters: `{ ...principal, target: target.id }` has the values. */
type TargetNames = PrincipalNames | 'target';

/**
 * A statement in its two forms, for either way to name a thread.
 * @param makeText is given the condition on `threads t` that finds the target, if the caller may do that with it
 */
export const sqlForTarget =
  <Names extends string = never, Row extends object = object>(name: string, purpose: Purpose, format?: RowFormat) =>
  (
    makeText: (isTarget: string, by: Target['by']) => string,
  ): Record<Target['by'], Statement<Names | TargetNames, Row>> => ({
    thread: makeStatement(name, makeText(`${visible('t', purpose)} AND t.id = :target`, 'thread'), format),
    session: makeStatement(`${name}_of_session`, makeText(ofSession('t'), 'session'), format),
  });
