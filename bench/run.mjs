import { parseArgs } from 'node:util';
import pg from 'pg';
import { writeChart } from './chart.mjs';
import { BULK_THREADS, BUSY, fill } from './fill.mjs';
import { loadAtRate, median } from './load.mjs';
import { CALLERS, makeFlats, makeLoads, MANY, RATIOS } from './measures.mjs';
import { openPeers, versions } from './peers.mjs';
import { describe, MAIN, passes, toMarkdown, writeSection } from './report.mjs';
import { makeRequests } from './requests.mjs';
import { makeFolder, openDatabase, own, POOL_IDLE_MS, POOL_MAX, runProgram, startServer } from './stage.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});
const ROUNDS = options.quick ? 1 : Number(options.rounds);
const SECONDS = options.quick ? 0.5 : 2;
/** A server runs for days; its first seconds belong to the compiler. */
const WARM_UPS = options.quick ? 1 : 3;
/** Requests of each kind in a flatness round. */
const AMOUNT = options.quick ? 40 : 150;
const STEADY = { name: 'append at half of the highest rate, p99 / p50', most: 6, seconds: options.quick ? 1 : 3 };
/** Threads in the tables of the peers, which makes 100,000 messages; Throughline's tables hold three times as many. */
const PEER_THREADS = 3334;

/** `npm run bench -- [--only part-of-a-name] [--rounds n] [--quick] [--strict]`; RESULTS.md is of whole runs. */
runProgram(async () => {
  const folder = makeFolder();
  const database = await openDatabase(folder);
  const server = await startServer(database, folder);
  const pool = new pg.Pool({ connectionString: database, max: POOL_MAX, idleTimeoutMillis: POOL_IDLE_MS });
  // What breaks an idle connection shows in the next statement.
  pool.on('error', () => undefined);
  own(Promise.resolve(), () => pool.end());
  console.log('Filling the database …');
  const filled = await fill(pool);
  const peers = await openPeers(pool, database, { ...BUSY, all: PEER_THREADS });
  const place = { url: server.url, pool, filled, peers };
  const plan = choose({ ...place, seconds: SECONDS, share: Math.ceil(BULK_THREADS / ROUNDS), amount: AMOUNT });
  console.log('Warming up …');
  await warmUp(plan);
  await measure(plan, 0);
  const samples = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    console.log(`Round ${round} of ${ROUNDS} …`);
    samples.push(await measure(plan, round));
  }
  const results = summarize(plan, samples);
  if (plan.steady) results.steady = await measureSteadily(place, results);
  await report(pool, results);
  const failed = ![...results.ratios, ...results.flats, ...(results.steady ? [results.steady] : [])].every(passes);
  return failed && options.strict ? 1 : 0;
});

/** What this run is asked for: ratios, what they need, and comparisons of large and small. */
function choose(place) {
  const wanted = ({ name }) => name.includes(options.only);
  const ratios = RATIOS.filter(wanted);
  const steady = wanted(STEADY);
  const needed = new Set([...ratios.flatMap(({ of }) => of), ...(steady ? ['appendHttp'] : [])]);
  const loads = Object.entries(makeLoads(place)).filter(([key]) => needed.has(key));
  return { ratios, loads, flats: makeFlats(place).filter(wanted), steady };
}

/** The loads over HTTP some times more: the others run in this process, and warm each other up. */
async function warmUp({ loads }) {
  const served = loads.filter(([key]) => /^(append|read)Http/.test(key));
  for (let round = 0; round < WARM_UPS; round += 1) for (const [, { run }] of served) await run();
}

/** Each load and comparison once, one after the other; another one begins in each round. */
async function measure({ loads, flats }, round) {
  const start = Math.floor((round * loads.length) / ROUNDS);
  const order = [...loads.slice(start), ...loads.slice(0, start)];
  const sample = { loads: {}, flats: [] };
  for (const [key, { run }] of round % 2 ? order : order.reverse()) sample.loads[key] = await run();
  for (const { run } of flats) sample.flats.push(await run());
  return sample;
}

function summarize({ ratios, loads, flats }, samples) {
  const over = (values) => ({ ratio: median(values), from: Math.min(...values), to: Math.max(...values) });
  const middle = (read) => median(samples.map(read));
  return {
    ratios: ratios.map(({ of: [one, other], ...ratio }) => ({
      ...ratio,
      ...over(samples.map(({ loads: all }) => all[one].rate / all[other].rate)),
    })),
    loads: loads.map(([key, { name }]) => {
      const values = ['rate', 'p50', 'p99'].map((part) => [part, middle((sample) => sample.loads[key][part])]);
      return { key, name, ...Object.fromEntries(values) };
    }),
    flats: flats.map(({ name, most }, i) => ({
      name,
      most,
      ...over(samples.map((sample) => sample.flats[i].large / sample.flats[i].small)),
      large: middle((sample) => sample.flats[i].large),
      small: middle((sample) => sample.flats[i].small),
    })),
  };
}

/** Appends at half of the rate that this run reached, whether or not the answers keep up. */
async function measureSteadily({ url, pool, filled }, { loads }) {
  const requests = filled.busy.map((id) => makeRequests(filled).append(id));
  const rate = loads.find(({ key }) => key === 'appendHttp').rate / 2;
  // What the bulk loads have left to clean up is no part of the question.
  for (const settle of ['VACUUM ANALYZE messages', 'VACUUM ANALYZE threads', 'CHECKPOINT']) await pool.query(settle);
  const samples = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    samples.push(await loadAtRate(url, requests, { connections: MANY, seconds: STEADY.seconds, rate }));
  }
  const ratios = samples.map(({ p99, p50 }) => p99 / p50);
  const middle = Object.fromEntries(
    ['rate', 'p50', 'p99', 'late'].map((part) => [part, median(samples.map((sample) => sample[part]))]),
  );
  const { name, most } = STEADY;
  return { name, most, ratio: median(ratios), from: Math.min(...ratios), to: Math.max(...ratios), ...middle };
}

async function report(pool, results) {
  console.log(`\n${describe(results)}\n`);
  if (options.quick || options.only) return;
  const { rows } = await pool.query(`SELECT current_setting('server_version') AS postgres,
    current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`);
  const setting = { ...rows[0], rounds: ROUNDS, seconds: SECONDS, callers: CALLERS, pool: POOL_MAX };
  const sizes = { busy: BUSY, peerThreads: PEER_THREADS, many: MANY, versions: versions() };
  writeSection(MAIN, toMarkdown(results, { ...setting, ...sizes }));
  writeChart(results.loads);
}
