import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { fill } from './fill.mjs';
import { loadHttp } from './load.mjs';
import { makeRequests } from './requests.mjs';
import { makeFolder, openDatabase, own, runProgram, startServer } from './stage.mjs';

const LOAD = { connections: 32, seconds: 8 };
const TOP = 30;

/** Where the server's time goes: `node bench/profile.mjs [append|read]` prints the functions that took most of it. */
runProgram(async () => {
  const kind = process.argv[2] === 'read' ? 'readLast' : 'append';
  const folder = makeFolder();
  const database = await openDatabase(folder);
  const server = await startServer(database, folder, ['--cpu-prof', `--cpu-prof-dir=${folder}`]);
  const pool = new pg.Pool({ connectionString: database, max: 1 });
  pool.on('error', () => undefined);
  own(Promise.resolve(), () => pool.end());
  const filled = await fill(pool);
  const make = makeRequests(filled)[kind];
  const requests = filled.busy.map((id) => make(id));
  await loadHttp(server.url, requests, { ...LOAD, seconds: 3 });
  const from = monotonic();
  const { rate } = await loadHttp(server.url, requests, LOAD);
  const until = monotonic();
  await server.stop();
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  console.log(`${kind}: ${rate.toFixed(0)} per second while being profiled`);
  const times = selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')), from, until);
  print('Idle or not', times, ({ name }) => (name === '(idle)' ? 'idle' : 'busy'));
  for (const frame of times.keys()) if (frame.name === '(idle)') times.delete(frame);
  print('Self-time by package', times, packageOf);
  print('Self-time by function', times, placeOf);
  return 0;
});

/** In the microseconds that V8 counts samples in. */
function monotonic() {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Microseconds of each function in a stretch of the profile: the start of the server is no part of the question. */
function selfTimes({ nodes, samples, timeDeltas, startTime }, from, until) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, toFrame(callFrame)]));
  // A native function alone does not tell who called it.
  for (const { id, children = [] } of nodes) children.forEach((child) => (frames.get(child).caller = frames.get(id)));
  const times = new Map();
  let now = startTime;
  samples.forEach((id, i) => {
    now += timeDeltas[i];
    const frame = frames.get(id);
    if (now >= from && now <= until) times.set(frame, (times.get(frame) ?? 0) + timeDeltas[i]);
  });
  return times;
}

const toFrame = ({ functionName, url, lineNumber }) => ({
  name: functionName || '(anonymous)',
  file: url.replace(/^.*\/(?=dist\/|node_modules\/)/, ''),
  line: lineNumber + 1,
});

function packageOf({ name, file, caller }) {
  if (!file) return caller?.caller ? packageOf(caller) : name;
  return /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split('/').slice(0, 2).join('/');
}

function placeOf({ name, file, line, caller }) {
  if (file) return `${name}  ${file}:${line}`;
  return caller?.caller ? `${name} < ${placeOf(caller)}` : name;
}

function print(title, times, keyOf) {
  const sums = new Map();
  for (const [frame, time] of times) sums.set(keyOf(frame), (sums.get(keyOf(frame)) ?? 0) + time);
  const total = [...sums.values()].reduce((sum, time) => sum + time, 0);
  const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, TOP);
  console.log(`\n${title}`);
  for (const [key, time] of sorted) console.log(`${((time / total) * 100).toFixed(1).padStart(5)} %  ${key}`);
}
