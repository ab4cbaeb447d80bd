/**
 * What failed in a run of jest, by its JSON: `node failed-tests.mjs names results.json`, a line for each test, or for a
 * file that could not be run; `files` instead of `names`, their files.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [what, path] = process.argv.slice(2);
const failed = JSON.parse(readFileSync(path, 'utf8')).testResults.filter(({ status }) => status === 'failed');

for (const { name, assertionResults } of failed) {
  const file = relative(process.cwd(), name);
  const tests = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  if (what === 'files') console.log(file);
  else for (const test of tests.length > 0 ? tests : ['the file']) console.log(`${file}: ${test}`);
}
