/**
 * Compiles `src/` and `ormconfig.ts` to `dist/`, if they have changed since the last time: `node scripts/build.mjs`.
 * Types are not checked here but by `npm run check`. Two builds at once, or a build beside a server that runs from
 * `dist/`, do not disturb each other: each file is replaced in one step, and only where it differs.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(dist, '.sources');
/** What decides how sources are compiled; the lock file names the compiler's version. */
const settings = ['.swcrc', 'package-lock.json', 'scripts/build.mjs'];

const filesIn = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
        .sort()
    : [];

const read = (path) => readFileSync(join(root, path), 'utf8');

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(read(path)).update('\0');
  return hash.digest('hex');
}

/** The files that a source becomes, by their paths. */
async function compile(swc, path) {
  const target = join('dist', path.replace(/\.ts$/, '.js'));
  const { code, map } = await swc.transform(read(path), {
    filename: join(root, path),
    sourceFileName: relative(dirname(target), path),
    configFile: join(root, '.swcrc'),
    inputSourceMap: false,
  });
  return [
    [target, code],
    [`${target}.map`, map],
  ];
}

function replace(path, text) {
  const target = join(root, path);
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  mkdirSync(dirname(target), { recursive: true });
  const draft = `${target}.${process.pid}.draft`;
  writeFileSync(draft, text);
  renameSync(draft, target);
}

/** Deletes what no source stands for any more: entities and migrations are found by their files. */
function sweep(kept) {
  for (const path of filesIn(dist)) {
    const isDraft = path.endsWith('.draft');
    if (kept.has(path) || (isDraft && Date.now() - statSync(join(root, path)).mtimeMs < 60_000)) continue;
    rmSync(join(root, path), { force: true });
  }
}

const sources = [...filesIn(join(root, 'src')), 'ormconfig.ts'].filter((path) => /(?<!\.spec)\.ts$/.test(path));
const hash = hashOf([...sources, ...settings]);
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
  const since = performance.now();
  process.stderr.write('Building…\n');
  const { default: swc } = await import('@swc/core');
  const files = new Map((await Promise.all(sources.map((path) => compile(swc, path)))).flat());
  for (const [path, text] of files) replace(path, text);
  sweep(files);
  replace(relative(root, stamp), hash);
  process.stderr.write(`Built ${sources.length} files in ${((performance.now() - since) / 1000).toFixed(1)} s\n`);
}
