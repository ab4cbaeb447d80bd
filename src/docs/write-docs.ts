import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { previewApp } from '../app.setup';
import { generatedPages } from './pages';

/** Writes the generated documents of the current folder, a checkout: `node dist/src/docs/write-docs.js`. It needs no database. */
async function writeDocs(): Promise<void> {
  const app = await previewApp();
  for (const [path, text] of Object.entries(generatedPages(app, process.cwd()))) writeFileSync(resolve(path), text);
}

void writeDocs();
