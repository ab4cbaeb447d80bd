import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { fill } from './fill.mjs';
import { loadDirect, loadHttp } from './load.mjs';
import { makeRequests } from './requests.mjs';
import { table } from './report.mjs';
import { makeFolder, openDatabase, own, POOL_MAX, runProgram, startServer } from './stage.mjs';

const LOAD = { connections: 32, seconds: 4 };
const WARM_UPS = 3;
const TICK_US = 10_000;

/**
 * What a request costs in microseconds of CPU: the server, PostgreSQL, and whoever asks. The cores that all share, divided by
 * their sum, is the most that a machine can do. `node bench/cpu.mjs`, on Linux, with the embedded database.
 */
runProgram(async () => {
  const folder = makeFolder();
  const database = await openDatabase(folder);
  const server = await startServer(database, folder);
  const pool = new pg.Pool({ connectionString: database, max: POOL_MAX });
  pool.on('error', () => undefined);
  own(Promise.resolve(), () => pool.end());
  const filled = await fill(pool);
  const { append, readLast, directAppend, directRead } = makeRequests(filled);
  const http = (make, connections) => () =>
    loadHttp(
      server.url,
      filled.busy.map((id) => make(id)),
      { ...LOAD, connections },
    );
  const loads = {
    'append, HTTP': http(append, 32),
    'append, HTTP, 128 connections': http(append, 128),
    'append, direct': () => loadDirect(pool, filled.busy, directAppend, LOAD),
    'read of the last 20, HTTP': http(readLast, 32),
    'read of the last 20, direct': () => loadDirect(pool, filled.busy, directRead, LOAD),
  };
  for (let round = 0; round < WARM_UPS; round += 1) for (const run of Object.values(loads)) await run();
  const rows = [];
  for (const [name, run] of Object.entries(loads)) rows.push([name, ...(await measure(run, folder))]);
  console.log(
    table(['CPU, µs a request', 'server', 'PostgreSQL', 'caller', 'sum', 'cores in use', 'per second'], rows),
  );
  return 0;
});

async function measure(run, folder) {
  const [before, from] = [used(folder), performance.now()];
  const { rate } = await run();
  const ms = performance.now() - from;
  const times = { server: 0, postgres: 0, caller: 0 };
  // Of each process on its own: some have ended meanwhile.
  for (const [pid, { kind, time }] of used(folder)) times[kind] += time - (before.get(pid)?.time ?? 0);
  const sum = times.server + times.postgres + times.caller;
  const each = [times.server, times.postgres, times.caller, sum].map((time) =>
    (time / ((rate * ms) / 1000)).toFixed(0),
  );
  return [...each, (sum / ms / 1000).toFixed(2), rate.toFixed(0)];
}

/** Microseconds that our processes have used so far. PostgreSQL's are the children of the one whose data lies in the folder. */
function used(folder) {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readProcess);
  const main = processes.find(({ command }) => command.includes(folder) && /postgres\0/.test(command))?.pid;
  const kindOf = ({ pid, parent, command }) => {
    if (pid === process.pid) return 'caller';
    if (parent === main) return 'postgres';
    return parent === process.pid && command.includes('main.js') ? 'server' : undefined;
  };
  const known = processes.map(({ time, ...its }) => [its.pid, { kind: kindOf(its), time }]);
  return new Map(known.filter(([, { kind }]) => kind));
}

function readProcess(name) {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
    const time = (Number(fields[11]) + Number(fields[12])) * TICK_US;
    return [{ pid: Number(name), parent: Number(fields[1]), command, time }];
  } catch {
    // It ended meanwhile.
    return [];
  }
}
