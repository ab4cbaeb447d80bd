import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Variable, variables } from '../../src/config/variables';

const read = (name: string) => readFileSync(join(__dirname, '../..', name), 'utf8');
const names = Object.keys(variables);
const entries = Object.entries(variables) as [string, Variable<unknown>][];

describe('The documentation of the configuration', () => {
  it('.env.example names every variable, and no other', () => {
    const found = [...read('.env.example').matchAll(/^#?\s?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(found.sort()).toEqual([...names].sort());
  });

  it('.env.example shows the defaults', () => {
    const lines = new Map(
      [...read('.env.example').matchAll(/^#?\s?([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, n, v]) => [n, v]),
    );
    const wrong = entries.filter(
      ([name, { fallback }]) => fallback !== undefined && unquote(lines.get(name)) !== fallback,
    );
    expect(wrong.map(([name, { fallback }]) => `${name}=${fallback}, not ${lines.get(name)}`)).toEqual([]);
  });

  it("README.md's table has a row for every variable", () => {
    const found = [...read('README.md').matchAll(/^\|\s*`([A-Z][A-Z0-9_]+)`/gm)].map(([, name]) => name);
    expect(names.filter((name) => !found.includes(name))).toEqual([]);
    expect(found.filter((name) => !names.includes(name))).toEqual([]);
  });
});

const unquote = (value = '') => value.trim().replace(/^(['"])(.*)\1$/, '$2');
