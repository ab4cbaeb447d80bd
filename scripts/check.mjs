/**
 * `npm run check`: everything that needs no database. ESLint takes as long as the other three together, so they run
 * beside it, one after the other; a part's output comes whole, when it ends. Exits with 1 when one of them fails.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const LANES = [
  ['eslint .'],
  [
    'prettier --check --log-level warn .',
    'tsc --noEmit --incremental --tsBuildInfoFile node_modules/.cache/tsc.json',
    'jest --selectProjects unit --maxWorkers 1',
  ],
];

const MAX_SUBJECT_LENGTH = 72;

/** Whether it succeeded. */
async function run(command) {
  const since = Date.now();
  const child = spawn(`npx --no-install ${command}`, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => output.push(bytes));
  const [code] = await once(child, 'close');
  const seconds = ((Date.now() - since) / 1000).toFixed(1);
  console.log(`\n${code === 0 ? '✓' : '✗'} ${command} (${seconds} s)`);
  process.stdout.write(Buffer.concat(output));
  return code === 0;
}

async function runAll(commands) {
  let succeeded = true;
  for (const command of commands) succeeded = (await run(command)) && succeeded;
  return succeeded;
}

/** The newest subjects that do not fit on a line: to be seen, not to be failed. */
function longSubjects() {
  const { stdout } = spawnSync('git', ['log', '-50', '--format=%h %s'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter((line) => line.slice(line.indexOf(' ') + 1).length > MAX_SUBJECT_LENGTH);
}

const results = await Promise.all(LANES.map(runAll));
for (const subject of longSubjects()) console.log(`subject over ${MAX_SUBJECT_LENGTH} characters: ${subject}`);
process.exitCode = results.every(Boolean) ? 0 : 1;
