import autocannon from 'autocannon';

/** Middle of a list of numbers. */
export const median = (values) => percentile(values, 0.5);

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const summarize = (times, ms) => ({
  rate: (times.length / ms) * 1000,
  p50: percentile(times, 0.5),
  p99: percentile(times, 0.99),
});

/** The list from another place on for each of so many callers, so that they don't move through it side by side. */
const rotated = (list, place, of) => {
  const start = Math.floor((place * list.length) / of);
  return [...list.slice(start), ...list.slice(0, start)];
};

/** Requests over HTTP from many connections for some seconds. */
export async function loadHttp(url, requests, { connections, seconds }) {
  const { times, ms } = await fire(url, requests, { connections, duration: seconds });
  return summarize(times, ms);
}

/** The same number of callers that send statements with pg. `next` makes the statement of a thread. */
export async function loadDirect(pool, threads, next, { connections, seconds }) {
  const times = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  const call = async (own) => {
    for (let i = 0, from; (from = performance.now()) < end; i += 1) {
      const { rows } = await pool.query(next(own[i % own.length]));
      if (rows.length === 0) throw new Error('The direct statement found no thread');
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, i) => call(rotated(threads, i, connections))));
  return summarize(times, performance.now() - started);
}

/** One connection that takes requests of two kinds in turn, so that noise meets both alike; answers both medians. */
export async function compare(url, large, small, amount) {
  const count = Math.max(large.length, small.length);
  const requests = Array.from({ length: count }, (_, i) => [large[i % large.length], small[i % small.length]]).flat();
  const { times } = await fire(url, requests, { connections: 1, amount: amount * 2 });
  return {
    large: median(times.filter((_, i) => i % 2 === 0)),
    small: median(times.filter((_, i) => i % 2 === 1)),
  };
}

async function fire(url, requests, options) {
  let connection = 0;
  const times = [];
  const statuses = new Set();
  const setupClient = (client) => {
    client.setRequests(rotated(requests, connection, options.connections));
    connection += 1;
  };
  const started = performance.now();
  const instance = autocannon({ url, ...options, setupClient });
  instance.on('response', (_client, status, _bytes, time) => {
    times.push(time);
    statuses.add(status);
  });
  const { errors } = await instance;
  const refused = [...statuses].filter((status) => status >= 300);
  if (errors > 0 || refused.length > 0 || times.length === 0) {
    throw new Error(`The load failed: ${errors} errors, statuses ${[...statuses].join(', ')}`);
  }
  return { times, ms: performance.now() - started };
}
