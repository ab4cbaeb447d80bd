import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { previewApp } from './app.setup';
import { buildOpenApi } from './http/openapi/openapi';

/** Writes `openapi.json` in the current folder: `node dist/src/openapi.js`. It needs no database. */
async function writeOpenApi(): Promise<void> {
  const app = await previewApp();
  writeFileSync(resolve('openapi.json'), `${toText(sorted(buildOpenApi(app)))}\n`);
}

/** Keys in order, so that the file changes only where the API does. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

const WIDTH = 120;

/** JSON that puts in one line what fits: half the size, and a change is still a change of a line or two. */
function toText(value: unknown, indent = '', used = 0): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + used + line.length <= WIDTH) return line;
  const deeper = `${indent} `;
  const lines = Array.isArray(value)
    ? value.map((item) => deeper + toText(item, deeper))
    : Object.entries(value).map(([key, item]) => {
        const name = `${JSON.stringify(key)}:`;
        return deeper + name + toText(item, deeper, name.length);
      });
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

void writeOpenApi();
