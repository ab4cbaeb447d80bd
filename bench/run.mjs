import pg from 'pg';
import { fill } from './fill.mjs';
import { compare, loadDirect, loadHttp, median } from './load.mjs';
import { describe, MAIN, passes, toMarkdown, writeSection } from './report.mjs';
import { makeRequests } from './requests.mjs';
import { makeFolder, openDatabase, own, POOL_MAX, runProgram, startServer } from './stage.mjs';

const ROUNDS = 5;
const LOAD = { connections: 32, seconds: 2 };
/** Requests of each kind in a flatness round. */
const AMOUNT = 150;

runProgram(async () => {
  const folder = makeFolder();
  const database = await openDatabase(folder);
  const server = await startServer(database, folder);
  const pool = new pg.Pool({ connectionString: database, max: POOL_MAX });
  // What breaks an idle connection shows in the next statement.
  pool.on('error', () => undefined);
  own(Promise.resolve(), () => pool.end());
  console.log('Filling the database …');
  const filled = await fill(pool);
  const loads = makeLoads(server.url, pool, filled);
  const flats = makeFlats(server.url, filled);
  console.log('Warming up …');
  for (const { http, direct } of loads) await inTurn([http, direct]);
  for (const { run } of flats) await run();
  const samples = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    console.log(`Round ${round} of ${ROUNDS} …`);
    samples.push(await measure(loads, flats));
  }
  const results = summarize(loads, flats, samples);
  const { rows } = await pool.query(`SELECT current_setting('server_version') AS postgres,
    current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`);
  const setting = { ...rows[0], rounds: ROUNDS, threads: filled.busy.length, pool: POOL_MAX };
  writeSection(MAIN, toMarkdown(results, { ...setting, ...LOAD }));
  console.log(`\n${describe(results)}\n`);
  const failed = ![...results.rates, ...results.flats].every(passes);
  return failed && process.argv.includes('--strict') ? 1 : 0;
});

function makeLoads(url, pool, filled) {
  const requests = makeRequests(filled);
  const http = (make) => () =>
    loadHttp(
      url,
      filled.busy.map((id) => make(id)),
      LOAD,
    );
  const direct = (make) => () => loadDirect(pool, filled.busy, make, LOAD);
  return [
    { name: 'append', least: 0.25, http: http(requests.append), direct: direct(requests.directAppend) },
    { name: 'read of the last 20', least: 0.3, http: http(requests.readLast), direct: direct(requests.directRead) },
  ];
}

function makeFlats(url, filled) {
  const { append, context, list, readLast } = makeRequests(filled);
  const { long, short, growing, contexts, lists } = filled;
  const reads = (last) => [long, short].map((ids) => ids.map((id) => readLast(id, last)));
  const contextsOf = (query) => [contexts.long, contexts.short].map((ids) => ids.map((id) => context(id, query)));
  const pairs = {
    'append, 10,000 messages against 10': [long, growing].map((ids) => ids.map(append)),
    'read of the last 20, 10,000 messages against 10': reads(20),
    'read of the last 10, 10,000 messages against 10': reads(10),
    'list 50 as member, 100,000 threads against 100': [[list(lists.heavyMember)], [list(lists.lightMember)]],
    'list 50 as admin, 100,000 threads against 100': [[list(lists.largeAdmin)], [list(lists.smallAdmin)]],
  };
  const looser = {
    'context of the last 20, 10,000 messages against 30': contextsOf('window=20'),
    'context of 4,000 tokens, 10,000 messages against 30': contextsOf('token_budget=4000'),
  };
  return Object.entries({ ...pairs, ...looser }).map(([name, [large, small]]) => ({
    name,
    most: name in looser ? 1.5 : 1.3,
    run: () => compare(url, large, small, AMOUNT),
  }));
}

/** One after the other, with all cores for each. */
async function inTurn(works) {
  const results = [];
  for (const work of works) results.push(await work());
  return results;
}

async function measure(loads, flats) {
  const rates = [];
  for (const { http, direct } of loads) rates.push(await inTurn([http, direct]));
  return { rates, flats: await inTurn(flats.map(({ run }) => run)) };
}

function summarize(loads, flats, samples) {
  const over = (read) => median(samples.map(read));
  const row = (name, read) => ({
    name,
    rate: over((sample) => read(sample).rate),
    p50: over((sample) => read(sample).p50),
    p99: over((sample) => read(sample).p99),
  });
  return {
    rates: loads.map(({ name, least }, i) => ({
      name: `${name}, HTTP against direct`,
      least,
      ratio: over(
        ({
          rates: {
            [i]: [http, direct],
          },
        }) => http.rate / direct.rate,
      ),
    })),
    loads: loads.flatMap(({ name }, i) => [
      row(`${name}, HTTP`, ({ rates }) => rates[i][0]),
      row(`${name}, direct`, ({ rates }) => rates[i][1]),
    ]),
    flats: flats.map(({ name, most }, i) => ({
      name,
      most,
      ratio: over((sample) => sample.flats[i].large / sample.flats[i].small),
      large: over((sample) => sample.flats[i].large),
      small: over((sample) => sample.flats[i].small),
    })),
  };
}
