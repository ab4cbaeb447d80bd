import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { fill } from './fill.mjs';
import { loadHttp } from './load.mjs';
import { makeRequests } from './requests.mjs';
import { makeFolder, openDatabase, own, runProgram, startServer } from './stage.mjs';

const LOAD = { connections: 32, seconds: 8 };
/** The compiler is as busy as the server in its first seconds. */
const WARM_UP_S = 8;
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
  await loadHttp(server.url, requests, { ...LOAD, seconds: WARM_UP_S });
  const from = monotonic();
  const { rate } = await loadHttp(server.url, requests, LOAD);
  const until = monotonic();
  await server.stop();
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  console.log(`${kind}: ${rate.toFixed(0)} per second while being profiled`);
  const times = selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')), from, until);
  const answered = (rate * (until - from)) / 1e6;
  const idle = [...times].filter(([{ name }]) => name === '(idle)').reduce((sum, [, time]) => sum + time, 0);
  console.log(`idle for ${((idle / (until - from)) * 100).toFixed(0)} % of the time`);
  for (const frame of times.keys()) if (frame.name === '(idle)') times.delete(frame);
  print('Stages, in microseconds a request', times, stageOf, (time) => (time / answered).toFixed(1));
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

/** What a frame works for: the first that matches, of itself and its callers. */
const STAGES = [
  ['garbage collection', ({ name }) => name === '(garbage collector)'],
  ['who calls: guard, API key', 'dist/src/auth/'],
  [
    'body: bytes to JSON, what can be stored',
    'dist/src/http/server/body-parser',
    'dist/src/common/json.js',
    /secure-json-parse/,
  ],
  [
    'validation of body and query',
    /http\/request\/(validation|quick-validation|body-pipes|fields)/,
    /class-(validator|transformer)/,
  ],
  ['tokens', 'dist/src/tokens/', /gpt-tokenizer/],
  ['the database client: statement, protocol, rows', 'dist/src/database/', /node_modules\/pg/],
  ['log line, metrics, request id', 'dist/src/http/', 'dist/src/metrics/', /pino|prom-client/],
  ['the feature: messages', 'dist/src/'],
  ['Nest: routing to the handler, parameters', /@nestjs|rxjs/],
  ['Fastify: routing, hooks, answer', /fastify|find-my-way|middie/],
  ['HTTP of Node', /^node:/],
];

function stageOf(frame) {
  const callers = [];
  for (let at = frame; at; at = at.caller) callers.push(at);
  if (/^writev?$|^write\w*String$/.test(frame.name) && !frame.file)
    return callers.some(({ file }) => file.includes('database/door/transaction'))
      ? 'socket: statements to PostgreSQL'
      : 'socket: answers';
  const matches = (at, test) =>
    typeof test === 'function' ? test(at) : typeof test === 'string' ? at.file.startsWith(test) : test.test(at.file);
  for (const at of callers) {
    const stage = STAGES.find(([, ...tests]) => tests.some((test) => matches(at, test)));
    // Node's own functions work for whoever called them.
    if (stage && (stage[0] !== 'HTTP of Node' || !at.caller?.caller)) return stage[0];
  }
  return 'HTTP of Node';
}

function placeOf({ name, file, line, caller }) {
  if (file) return `${name}  ${file}:${line}`;
  return caller?.caller ? `${name} < ${placeOf(caller)}` : name;
}

function print(title, times, keyOf, show) {
  const sums = new Map();
  for (const [frame, time] of times) sums.set(keyOf(frame), (sums.get(keyOf(frame)) ?? 0) + time);
  const total = [...sums.values()].reduce((sum, time) => sum + time, 0);
  const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, TOP);
  console.log(`\n${title}`);
  for (const [key, time] of sorted) {
    const share = show ? show(time) : `${((time / total) * 100).toFixed(1)} %`;
    console.log(`${share.padStart(7)}  ${key}`);
  }
}
