import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

const number = (value, digits) => value.toFixed(digits);

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

/** Whether a ratio keeps its mark: a least for throughput, a most for flatness. */
export const passes = ({ ratio, least = -Infinity, most = Infinity }) => ratio >= least && ratio <= most;

const ratioRow = (result) => [
  result.name,
  number(result.ratio, 2),
  result.least === undefined ? `at most ${result.most}` : `at least ${result.least}`,
  passes(result) ? 'PASS' : 'FAIL',
];

const rateRow = ({ name, rate, p50, p99 }) => [name, number(rate, 0), number(p50, 2), number(p99, 2)];
const pairRow = ({ name, large, small }) => [name, number(large, 2), number(small, 2)];

/** The three tables, ratios first. */
export function describe({ rates, loads, flats }) {
  return [
    table(['Ratio', 'Value', 'Mark', 'Verdict'], [...rates, ...flats].map(ratioRow)),
    table(['Throughput', 'per second', 'p50 ms', 'p99 ms'], loads.map(rateRow)),
    table(['Flatness: median latency', 'large ms', 'small ms'], flats.map(pairRow)),
  ].join('\n\n');
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
  const whole = title === MAIN ? [own, ...parts] : [...parts, own];
  writeFileSync(file, whole.map((part) => `${part.trim()}\n`).join('\n'));
}

/** What `npm run bench` measures; it stands first. */
export const MAIN = 'Results of `npm run bench`';

/** The same as a part of RESULTS.md, with what it was measured on. */
export function toMarkdown(results, { postgres, fsync, commit, rounds, connections, threads, pool, seconds }) {
  return `- Date: ${new Date().toISOString()}
- Machine: ${machine()}; load generator, server and database share it
- Node.js ${process.versions.node}, PostgreSQL ${postgres}: fsync ${fsync}, synchronous_commit ${commit}

${describe(results)}

Medians of ${rounds} rounds in one run, in which the compared loads take turns. Throughput: ${connections} connections
over ${threads} threads, ${seconds} s a load; "direct" is the server's own statement, prepared, sent by \`pg\` from ${connections}
callers over a pool of ${pool}, without the tenant's transaction. A ratio is the median of the rounds' ratios.
Flatness: one connection that asks the large and the small in turn. The answer for 10 messages is shorter than that for
20, hence the second read.
`;
}
