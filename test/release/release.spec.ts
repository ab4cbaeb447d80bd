import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Changelog {
  releaseChangelog(text: string, version: string, date: string): string;
  withVersion(text: string, version: string): string;
  mayFollow(version: string, current: string, released: boolean): boolean;
}
interface Migrations {
  hashOf(migration: object): Promise<string>;
  hashesIn(folder: string, load: NodeRequire): Promise<Record<string, string>>;
}
const { releaseChangelog, withVersion, mayFollow } = require('../../scripts/changelog.mjs') as Changelog;
const { hashOf, hashesIn } = require('../../scripts/migrations.mjs') as Migrations;

describe('A release', () => {
  it('moves what is unreleased under the version and the date', () => {
    const before = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- More.\n\n## [0.1.0] - 2026-11-21\n\n- First.\n';
    expect(releaseChangelog(before, '0.2.0', '2026-12-01')).toBe(
      '# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- More.\n\n## [0.1.0] - 2026-11-21\n\n- First.\n',
    );
  });

  it('is refused when nothing is unreleased', () => {
    const empty = '# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-11-21\n\n- First.\n';
    expect(() => releaseChangelog(empty, '0.2.0', '2026-12-01')).toThrow('nothing under [Unreleased]');
    expect(() => releaseChangelog('# Changelog\n', '0.2.0', '2026-12-01')).toThrow('has no');
  });

  it('can be made of the changelog as it is', () => {
    expect(releaseChangelog(read('CHANGELOG.md'), '9.0.0', '2026-12-01')).toContain('## [9.0.0] - 2026-12-01\n\n');
  });

  it.each(['package.json', 'package-lock.json'])('changes nothing of %s but the version', (path) => {
    const after = withVersion(read(path), '9.8.7');
    const { version, packages } = JSON.parse(after);
    expect([version, packages?.[''].version ?? version]).toEqual(['9.8.7', '9.8.7']);
    expect(withVersion(after, JSON.parse(read(path)).version)).toBe(read(path));
    expect(after.split('"9.8.7"')).toHaveLength(packages ? 3 : 2);
  });

  it.each([
    ['0.2.0', '0.1.9', true, true],
    ['0.1.10', '0.1.9', true, true],
    ['1.0.0', '0.9.9', true, true],
    ['0.1.0', '0.1.0', false, true],
    ['0.1.0', '0.1.0', true, false],
    ['0.1.8', '0.1.9', true, false],
    ['0.9.0', '1.0.0', false, false],
    ['v0.2.0', '0.1.0', true, false],
    ['0.2', '0.1.0', true, false],
  ])('%s after %s (released: %s): %s', (version, current, released, allowed) =>
    expect(mayFollow(version, current, released)).toBe(allowed),
  );
});

describe('A released migration', () => {
  const released = JSON.parse(read('scripts/released-migrations.json')) as Record<string, string>;

  it('never changes: write another one', async () => {
    const hashes = await hashesIn(join(ROOT, 'src/database/migrations'), require);
    expect(Object.keys(released).length).toBeGreaterThan(0);
    expect(hashes).toMatchObject(released);
  });

  const saying = (up: string) => ({
    up: (runner: { query(text: string): unknown }) => runner.query(up),
    down: (runner: { query(text: string): unknown }) => runner.query('DROP TABLE a'),
  });

  it('is known by what it sends, not by how its text is indented', async () => {
    const hash = await hashOf(saying('CREATE TABLE a (\n  id uuid\n)'));
    expect(await hashOf(saying('\n    CREATE TABLE a (\n      id uuid\n    )\n'))).toBe(hash);
    expect(await hashOf(saying('CREATE TABLE a (\n  id text\n)'))).not.toBe(hash);
  });
});
