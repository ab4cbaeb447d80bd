import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { previewApp } from '../../src/app.setup';
import { variables } from '../../src/config/variables';
import { generatedPages } from '../../src/docs/pages';

const ROOT = join(__dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('The generated documents', () => {
  let pages: Record<string, string>;
  beforeAll(async () => (pages = generatedPages(await previewApp(), ROOT)));

  it.each(['.env.example', 'docs/configuration.md', 'docs/errors.md', 'docs/routes.md'])(
    '%s is what the code says; `npm run docs` writes it anew',
    (path) => expect(read(path)).toBe(pages[path]),
  );

  it('name every variable, with its default', () => {
    const lines = new Map([...read('.env.example').matchAll(/^#([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, n, v]) => [n, v]));
    expect([...lines.keys()].sort()).toEqual(Object.keys(variables).sort());
    for (const [name, { fallback = '' }] of Object.entries(variables)) {
      expect(lines.get(name)?.replaceAll('"', '')).toBe(fallback);
      expect(read('docs/configuration.md')).toContain(`| \`${name}\``);
    }
  });

  it('have a row for every route, whose file is known and whose permission is declared', () => {
    const rows = pages['docs/routes.md'].match(/^\| `[A-Z]+ \/.*$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.filter((row) => !/^\| `[A-Z]+ \/\S*` +\| (public|[a-z]+:[a-z]+) /.test(row))).toEqual([]);
  });
});
