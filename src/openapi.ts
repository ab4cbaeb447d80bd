import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createApp } from './app.setup';
import { loadConfig } from './config/config';
import { makeLogger } from './http/server/logger';
import { buildOpenApi } from './http/openapi/openapi';

/** Writes `openapi.json` in the current folder: `node dist/src/openapi.js`. It needs no database. */
async function writeOpenApi(): Promise<void> {
  // The defaults, not the environment: the file must not depend on who generates it.
  const app = await createApp(loadConfig({}), 'postgresql://nobody@localhost/none', {
    logger: makeLogger('warn'),
    preview: true,
  });
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
