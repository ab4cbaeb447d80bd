/** Collects the conditions of a WHERE clause with their values, in order. */
export class Conditions {
  readonly values: unknown[];
  private readonly parts: string[];

  constructor(first: string, values: unknown[]) {
    this.parts = [first];
    this.values = [...values];
  }

  /** Adds a condition unless its value is undefined; each `?` stands for the value's parameter. */
  add(condition: string, value: unknown): this {
    if (value === undefined) return this;
    const parameter = this.parameter(value);
    this.parts.push(condition.replaceAll('?', parameter));
    return this;
  }

  /** Adds a condition that already names its parameters. */
  push(condition: string): void {
    this.parts.push(condition);
  }

  /** Adds the keyset condition: what lies beyond a position in the order of `keys`, each of them with the type of its part. */
  beyond(keys: Record<string, string>, position: unknown[] | undefined, order: 'asc' | 'desc'): void {
    if (!position) return;
    const types = Object.values(keys);
    const parts = position.map((part, i) => `${this.parameter(part)}::${types[i]}`);
    this.push(`(${Object.keys(keys).join(', ')}) ${order === 'asc' ? '>' : '<'} (${parts.join(', ')})`);
  }

  /** Adds a value and answers its parameter, `$n`. */
  parameter(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  toString(): string {
    return this.parts.join(' AND ');
  }
}

/** A text as a pattern of LIKE that finds it literally: `_` and `%` are no wildcards (C17). */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`;
