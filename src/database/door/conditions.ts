import { getMetadataArgsStorage, type EntityTarget, type ObjectLiteral } from 'typeorm';
import type { Values } from './sql';

const LAST_CODE_POINT = 0x10ffff;
const BEFORE_SURROGATES = 0xd7ff;
const AFTER_SURROGATES = 0xe000;

/** Collects the conditions of a WHERE clause with the values of their named parameters. */
export class Conditions {
  readonly values: Record<string, unknown>;
  private readonly parts: string[];

  constructor(first: string, values: Values) {
    this.parts = [first];
    this.values = { ...values };
  }

  /** Adds a condition, unless one of its values is undefined. */
  add(condition: string, values: Values = {}): this {
    if (Object.values(values).includes(undefined)) return this;
    this.parts.push(condition);
    Object.assign(this.values, values);
    return this;
  }

  /** Adds the keyset condition: what lies beyond a position in the order of `keys`, each of them with the type of its part. */
  beyond(keys: Record<string, string>, position: unknown[] | undefined, order: 'asc' | 'desc'): this {
    if (!position) return this;
    const types = Object.values(keys);
    const parts = position.map((_, n) => `:beyond${n}::${types[n]}`);
    const columns = Object.keys(keys).join(', ');
    const values = Object.fromEntries(position.map((part, n) => [`beyond${n}`, part]));
    return this.add(`(${columns}) ${order === 'asc' ? '>' : '<'} (${parts.join(', ')})`, values);
  }

  toString(): string {
    return this.parts.join(' AND ');
  }
}

/** A text as a pattern of LIKE that finds it literally: `_` and `%` are no wildcards (C17). */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/**
 * The first text, by code point, after everything that begins with `prefix`; `undefined` when nothing can follow.
 * PostgreSQL orders COLLATE "C" so; a range, unlike LIKE, uses the index also with a parameter.
 */
export function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1);
}

/**
 * What an entity reads of a table, by name: `t.org_id, t.id`. Never `t.*`: a prepared statement whose columns change with a
 * migration is refused, and every instance that runs has prepared it.
 */
export const columnsOf = (entity: EntityTarget<ObjectLiteral>, alias: string) =>
  getMetadataArgsStorage()
    .filterColumns(entity as () => unknown)
    .filter(({ options }) => options.select !== false)
    .map(({ propertyName }) => `${alias}.${propertyName}`)
    .join(', ');
