import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { previewApp } from './app.setup';
import { buildOpenApi } from './http/openapi/openapi';

/** Writes `openapi.json` in the current folder: `node dist/src/openapi.js`. It needs no database. */
async function writeOpenApi(): Promise<void> {
  const app = await previewApp();
  writeFileSync(resolve('openapi.json'), `${JSON.stringify(sorted(buildOpenApi(app)), null, 2)}\n`);
}

/** Keys in order, so that the file changes only where the API does. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

void writeOpenApi();
