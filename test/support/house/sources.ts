import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

const SRC = join(__dirname, '../../../src');
const TEST = join(__dirname, '../..');

export interface Import {
  /** The module as it is written. */
  readonly from: string;
  /** Its path below `src/` without extension, where it is one of ours. */
  readonly ours?: string;
  /** The file itself, as in `Source.path`. */
  readonly file?: string;
  readonly typeOnly: boolean;
  /** The module as a whole, by `import()` or `require()`. */
  readonly whole?: boolean;
}

/** One source file of the server. */
export interface Source {
  /** Below `src/`, with `/`, as in `threads/threads.service.ts`. */
  readonly path: string;
  /** The first folder; empty for the files of the root. */
  readonly folder: string;
  readonly text: string;
  readonly imports: Import[];
}

/** Every source file of the server, without its unit tests. */
export const readSources = (): Source[] => filesIn(SRC, (path) => !path.endsWith('.spec.ts')).map(readSource);

/** Every test, and what tests share; their paths begin with `../test/`. */
export const readTests = (): Source[] =>
  [...filesIn(SRC, (path) => path.endsWith('.spec.ts')), ...filesIn(TEST, () => true)].map(readSource);

function filesIn(folder: string, wanted: (path: string) => boolean): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && wanted(path))
    .map((path) => relative(SRC, join(folder, path)).split(sep).join('/'))
    .sort((a, b) => a.localeCompare(b));
}

function readSource(path: string): Source {
  const text = readFileSync(join(SRC, path), 'utf8');
  return { path, folder: path.includes('/') ? path.split('/')[0] : '', text, imports: importsOf(path, text) };
}

const STATEMENT = /^(?:import|export)\s+(type\s)?([^;'"]*?)\s*(?:from\s*)?['"]([^'"]+)['"]/gm;
const CALL = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsOf(path: string, text: string): Import[] {
  const make = (from: string, typeOnly: boolean): Import => {
    const ours = ourModule(path, from);
    return { from, ours, file: ours && fileOf(ours), typeOnly };
  };
  const statements = [...text.matchAll(STATEMENT)].map(([, type, names, from]) =>
    make(from, type !== undefined || onlyTypes(names)),
  );
  return [...statements, ...[...text.matchAll(CALL)].map(([, from]) => ({ ...make(from, false), whole: true }))];
}

/** `{ type A, type B }`, which the compiler drops as well. */
function onlyTypes(names: string): boolean {
  const list = /^\{([^}]*)\}$/s.exec(names.trim())?.[1].split(',');
  return !!list && list.filter((name) => name.trim()).every((name) => /^\s*type\s/.test(name));
}

function ourModule(path: string, from: string): string | undefined {
  if (!from.startsWith('.')) return undefined;
  return relative(SRC, resolve(SRC, dirname(path), from))
    .split(sep)
    .join('/');
}

function fileOf(module: string): string | undefined {
  const name = module.replace(/\.js$/, '');
  return [`${name}.ts`, `${name}/index.ts`].find((file) => existsSync(join(SRC, file)));
}
