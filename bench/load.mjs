import { encode, openConnection } from './http.mjs';

/** Middle of a list of numbers. */
export const median = (values) => percentile(values, 0.5);

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function summarize({ times, ms }) {
  if (times.length === 0) throw new Error('The load had no answer');
  return { rate: (times.length / ms) * 1000, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** The list from another place on for each of so many callers, so that they don't move through it side by side. */
const rotated = (list, place, of) => {
  const start = Math.floor((place * list.length) / of);
  return [...list.slice(start), ...list.slice(0, start)];
};

/** Requests over HTTP from many connections for some seconds. */
export async function loadHttp(url, requests, { connections, seconds }) {
  const encoded = requests.map((request) => encode(url, request));
  const end = performance.now() + seconds * 1000;
  const fired = await fire(url, connections, (place) => {
    const own = rotated(encoded, place, connections);
    let sent = 0;
    return () => (performance.now() < end ? own[sent++ % own.length] : undefined);
  });
  return summarize(fired);
}

/** Each request once, from some connections that share them. */
export async function sendAll(url, requests, { connections }) {
  const encoded = requests.map((request) => encode(url, request));
  let sent = 0;
  return summarize(await fire(url, connections, () => () => encoded[sent++]));
}

/** The same number of callers inside this process, each over the items from another place on; `call` answers a promise. */
export async function loadCalls(items, call, { connections, seconds }) {
  const times = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  const caller = async (own) => {
    for (let i = 0, from; (from = performance.now()) < end; i += 1) {
      await call(own[i % own.length]);
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, i) => caller(rotated(items, i, connections))));
  return summarize({ times, ms: performance.now() - started });
}

/** Callers that send statements with pg. `next` makes the statement of a thread. */
export function loadDirect(pool, threads, next, load) {
  const call = async (thread) => {
    const { rows } = await pool.query(next(thread));
    if (rows.length === 0) throw new Error('The direct statement found no thread');
  };
  return loadCalls(threads, call, load);
}

/** One connection that takes requests of two kinds in turn, so that noise meets both alike; answers both medians. */
export async function compare(url, large, small, amount) {
  const kinds = [large, small].map((requests) => requests.map((request) => encode(url, request)));
  let sent = 0;
  const next = () => {
    const [kind, place] = [kinds[sent % 2], Math.floor(sent / 2)];
    sent += 1;
    return place < amount ? kind[place % kind.length] : undefined;
  };
  const { times } = await fire(url, 1, () => next);
  return {
    large: median(times.filter((_, i) => i % 2 === 0)),
    small: median(times.filter((_, i) => i % 2 === 1)),
  };
}

/**
 * Requests at a fixed rate, whether or not the answers keep up: a request's time begins when it is due, also where it
 * has to wait for a connection.
 */
export async function loadAtRate(url, requests, { connections, seconds, rate }) {
  const encoded = requests.map((request) => encode(url, request));
  const all = Math.round(rate * seconds);
  const times = [];
  const late = [];
  return withConnections(url, connections, async (free) => {
    const started = performance.now();
    await new Promise((resolve, reject) => {
      const pump = () => {
        for (let due; late.length < all && free.length > 0;) {
          due = started + (late.length / rate) * 1000;
          if (due > performance.now()) return;
          send(free.shift(), due);
        }
      };
      const timer = setInterval(pump, 1);
      const send = (connection, due) => {
        connection.send(encoded[late.length % encoded.length], (error) => {
          times.push(performance.now() - due);
          free.push(connection);
          if (error || times.length === all) clearInterval(timer);
          if (error) return reject(error);
          return times.length === all ? resolve() : pump();
        });
        late.push(performance.now() - due);
      };
    });
    return { ...summarize({ times, ms: performance.now() - started }), late: median(late) };
  });
}

/** What connections are told to send until they are told nothing more. `nextOf` makes the source of one by its place. */
function fire(url, count, nextOf) {
  const times = [];
  return withConnections(url, count, async (connections) => {
    const started = performance.now();
    await Promise.all(connections.map((connection, place) => keepBusy(connection, nextOf(place), times)));
    return { times, ms: performance.now() - started };
  });
}

const keepBusy = (connection, next, times) =>
  new Promise((resolve, reject) => {
    const step = () => {
      const request = next();
      if (request === undefined) return resolve();
      const from = performance.now();
      return connection.send(request, (error) => {
        if (error) return reject(error);
        times.push(performance.now() - from);
        return step();
      });
    };
    step();
  });

async function withConnections(url, count, work) {
  const connections = await Promise.all(Array.from({ length: count }, () => openConnection(url)));
  try {
    return await work([...connections]);
  } finally {
    for (const connection of connections) connection.close();
  }
}
