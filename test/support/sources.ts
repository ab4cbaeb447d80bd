import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

const SRC = join(__dirname, '../../src');

export interface Import {
  /** The module as it is written. */
  readonly from: string;
  /** Its path below `src/` without extension, where it is one of ours. */
  readonly ours?: string;
  readonly typeOnly: boolean;
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
export function readSources(): Source[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !path.endsWith('.d.ts'))
    .map((path) => readSource(path.split(sep).join('/')))
    .sort((a, b) => a.path.localeCompare(b.path));
}

function readSource(path: string): Source {
  const text = readFileSync(join(SRC, path), 'utf8');
  return { path, folder: path.includes('/') ? path.split('/')[0] : '', text, imports: importsOf(path, text) };
}

const STATEMENT = /^(?:import|export)\s+(type\s)?([^;'"]*?)\s*(?:from\s*)?['"]([^'"]+)['"]/gm;
const CALL = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsOf(path: string, text: string): Import[] {
  const make = (from: string, typeOnly: boolean): Import => ({ from, ours: ourModule(path, from), typeOnly });
  const statements = [...text.matchAll(STATEMENT)].map(([, type, names, from]) =>
    make(from, type !== undefined || onlyTypes(names)),
  );
  return [...statements, ...[...text.matchAll(CALL)].map(([, from]) => make(from, false))];
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
