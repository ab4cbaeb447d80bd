/** Who asks, inside the organization: what the predicate below needs of a principal. */
export interface Viewer {
  readonly orgId: string;
  readonly userId: string;
  readonly seesOrganization: boolean;
}

/**
 * Who may see and change a thread inside its organization: its owner, and the organization's admins.
 * The one place where this is written. Row-level security keeps other organizations out on its own.
 * @param alias of the threads table in the statement
 * @param first number of the first of its three parameters; the values come from `viewerValues`
 */
export const visibleThread = (alias: string, first: number) =>
  `${alias}.org_id = $${first} AND (${alias}.user_id = $${first + 1} OR $${first + 2}::boolean)`;

export const viewerValues = (viewer: Viewer): [string, string, boolean] => [
  viewer.orgId,
  viewer.userId,
  viewer.seesOrganization,
];
