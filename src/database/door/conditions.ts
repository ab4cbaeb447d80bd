import type { Values } from './sql';

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
