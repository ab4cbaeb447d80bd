/** How the rows of a statement come. */
export interface RowFormat {
  /** Times come as ISO texts instead of dates: for rows that go straight into an answer. */
  readonly isoTimes?: boolean;
  /** The same, and what is JSON comes as text: for rows that are written into an answer without being looked at. */
  readonly rawJson?: boolean;
}

/**
 * A statement that each connection prepares once, under its name. The text may never vary for one name.
 * @typeParam Names of the parameters
 * @typeParam Row what comes back
 */
export interface Statement<Names extends string = string, Row extends object = object> extends RowFormat {
  readonly name: string;
  /** With `$1`, `$2` … in the order of `parameters`. */
  readonly text: string;
  readonly parameters: readonly Names[];
  /** For the compiler only. */
  readonly row?: Row;
}

/** A value for each parameter of a statement; `undefined` is sent as NULL. */
export type Values<Names extends string = string> = Readonly<Record<Names, unknown>>;

/** Quoted texts and casts are passed over; what is left of `:name` is a parameter. */
const PARAMETER = /'(?:[^']|'')*'|::|:([a-zA-Z]\w*)/g;

const taken = new Map<string, string>();

/** The text of every statement that was made, by its name. */
export const statementTexts: ReadonlyMap<string, string> = taken;

/**
 * Makes a prepared statement with named parameters; to be called once, when its module loads.
 *
 *     const RENAME = sql<'orgId' | 'id' | 'name', Thread>('threads_rename')`
 *       UPDATE threads t SET name = :name WHERE t.org_id = :orgId AND t.id = :id RETURNING t.id, t.name`;
 *     const [thread] = await tx.query(RENAME, { orgId, id, name });
 *
 * @throws when another statement has that name
 */
export const sql =
  <Names extends string = never, Row extends object = object>(name: string, format: RowFormat = {}) =>
  (parts: TemplateStringsArray, ...fragments: string[]) =>
    makeStatement<Names, Row>(name, String.raw({ raw: parts }, ...fragments), format);

/** The same of a text that is put together elsewhere. */
export function makeStatement<Names extends string = never, Row extends object = object>(
  name: string,
  named: string,
  format: RowFormat = {},
): Statement<Names, Row> {
  const { text, parameters } = numbered(named);
  if ((taken.get(name) ?? text) !== text) throw new Error(`Two statements are called ${name}`);
  taken.set(name, text);
  return { name, text, parameters: parameters as Names[], ...format };
}

/** The same text with `$1`, `$2` … in place of the names; a name that stands twice is one parameter. */
export function numbered(named: string): { text: string; parameters: string[] } {
  const parameters: string[] = [];
  const text = named.replace(PARAMETER, (match, name: string | undefined) => {
    if (name === undefined) return match;
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}`;
  });
  return { text, parameters };
}

/** The values in the order of the parameters. @throws when one is not named among them */
export function inOrder(parameters: readonly string[], values: Values): unknown[] {
  return parameters.map((name) => {
    if (!(name in values)) throw new Error(`The statement needs a value for :${name}`);
    return values[name];
  });
}
