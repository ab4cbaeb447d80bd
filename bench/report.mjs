import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** A number, or nothing where there is none. */
const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '');
const whole = (value) => value.toLocaleString('en');

/** A table as prettier would format it, so that RESULTS.md passes `npm run check`. */
export function table(head, rows) {
  const widths = head.map((title, i) =>
    Math.max(3, ...[title, ...rows.map((row) => row[i])].map((cell) => cell.length)),
  );
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Whether a ratio keeps its mark: a least for throughput, a most for latency. */
export const passes = ({ ratio, least = -Infinity, most = Infinity }) => ratio >= least && ratio <= most;

function verdict({ least, most, ...result }) {
  if (least === undefined && most === undefined) return ['', ''];
  const mark = least === undefined ? `at most ${most}` : `at least ${least}`;
  return [mark, passes({ least, most, ...result }) ? 'PASS' : 'FAIL'];
}

const ratioRow = (result) => [
  result.name,
  number(result.ratio, 2),
  `${number(result.from, 2)} to ${number(result.to, 2)}`,
  ...verdict(result),
];
const rateRow = ({ name, rate, p50, p99 }) => [name, number(rate, 0), number(p50, 2), number(p99, 2)];
const pairRow = ({ name, large, small }) => [name, number(large, 2), number(small, 2)];

/** The three tables, ratios first; each only where there is something for it. */
export function describe({ ratios, loads, flats, steady }) {
  const extra = steady ? [steady] : [];
  const rates = [...loads, ...extra.map((load) => ({ ...load, name: 'append, HTTP, at half of the highest rate' }))];
  const tables = [
    [['Ratio', 'Value', 'Rounds', 'Mark', 'Verdict'], [...ratios, ...extra, ...flats].map(ratioRow)],
    [['Throughput', 'per second', 'p50 ms', 'p99 ms'], rates.map(rateRow)],
    [['Flatness: median latency', 'large ms', 'small ms'], flats.map(pairRow)],
  ];
  return tables
    .filter(([, rows]) => rows.length > 0)
    .map(([head, rows]) => table(head, rows))
    .join('\n\n');
}

export function machine() {
  const [{ model }] = cpus();
  return `${model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform}`;
}

/** Writes a part of RESULTS.md anew; the others, each under its heading, stay. */
export function writeSection(title, text) {
  const file = new URL('RESULTS.md', import.meta.url);
  const parts = readFileSync(file, 'utf8')
    .split(/^(?=# )/m)
    .filter((part) => !part.startsWith(`# ${title}\n`));
  const own = `# ${title}\n\n${text.trim()}\n`;
  const all = title === MAIN ? [own, ...parts] : [...parts, own];
  writeFileSync(file, all.map((part) => `${part.trim()}\n`).join('\n'));
}

/** What `npm run bench` measures; it stands first. */
export const MAIN = 'Results of `npm run bench`';

/** The same as a part of RESULTS.md, with what it was measured on and how. */
export function toMarkdown(results, setting) {
  const { postgres, fsync, commit, rounds, seconds, callers, many, pool, busy, peerThreads, versions } = setting;
  return `![Messages a second](results.svg)

- Date: ${new Date().toISOString()}
- Machine: ${machine()}; load generator, server and database share it
- Node.js ${process.versions.node}, PostgreSQL ${postgres}: fsync ${fsync}, synchronous_commit ${commit}
- Peers: ${versions}

${describe(results)}

Medians of ${rounds} rounds in one run, in which all loads take turns, another one first in each; a ratio is the median of
the rounds' ratios. A load: ${callers} connections or callers where nothing else is said, over ${busy.threads} threads of ${busy.messages} messages, ${seconds} s.

- HTTP: the server in a process of its own, with keys, tenants and row-level security. A request costs the generator
  11 to 15 µs of CPU; autocannon would take 17 to 27, undici 22 to 34.
- Direct: the server's own statement, prepared, sent by \`pg\` over a pool of ${pool}, without the tenant's transaction.
- Mastra, LangChain, LangGraph: their own classes inside the measuring process, over a pool of ${pool}, with ${whole(peerThreads)} threads of
  ${busy.messages} messages, which is fewer than Throughline's tables hold. Mastra reads as its own MessageHistory does. LangChain's
  table has no index by thread: what it reads in a thread takes as long as the table is large, hence the second line
  of it. What it appends goes to another table. A LangGraph checkpoint holds all messages of its thread.
- Batches: 1,000 threads in ${rounds} parts, 8 connections. COPY: as many rows into the same table, with its triggers
  and indexes, from one connection.
- Half of the highest rate: appends over ${many} connections at a fixed rate, whether or not the answers keep up. A
  latency counts from when the request was due; the generator was ${number(results.steady?.late, 2)} ms late in the median.
- Flatness: one connection that asks the large and the small in turn. The answer for 10 messages is shorter than
  that for 20, hence the reads of 10.
`;
}
