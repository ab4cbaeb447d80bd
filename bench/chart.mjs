import { writeFileSync } from 'node:fs';

const WIDTH = 760;
const NAMES = 190;
const BAR = 22;
const STEP = 32;
const VALUES = 70;

/** What is shown: the same four in each part. */
const PARTS = [
  {
    title: 'Appends a second, one message each, 32 callers',
    bars: [
      ['Throughline, over HTTP', 'appendHttp'],
      ['bare statement by pg', 'appendDirect'],
      ['Mastra, in process', 'appendMastra'],
      ['LangChain, in process', 'appendLangChain'],
    ],
  },
  {
    title: 'Reads of the last 20 messages a second, 32 callers',
    bars: [
      ['Throughline, over HTTP', 'readHttp'],
      ['bare statement by pg', 'readDirect'],
      ['Mastra, in process', 'readMastra'],
      ['LangChain, reads all 30', 'readLangChain'],
    ],
  },
];

/** By the system's scheme, which is not always that of the page around it: hence a ground of its own. */
const STYLE = `
    text { font: 14px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 15px; }
    .value { font-variant-numeric: tabular-nums; }
    .other { fill: #9aa4b0; }
    .own { fill: #1f6feb; }
    .ground { fill: #ffffff; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .other { fill: #6e7781; }
      .own { fill: #4493f8; }
      .ground { fill: #0d1117; }
    }`;

/** Draws the rates of a whole run as horizontal bars beside RESULTS.md. */
export function writeChart(loads) {
  const rates = new Map(loads.map(({ key, rate }) => [key, rate]));
  const parts = [];
  let top = 0;
  for (const part of PARTS) {
    parts.push(drawPart(part, rates, top));
    top += 40 + part.bars.length * STEP + 12;
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-label="${describe(rates)}">
  <style>${STYLE}
  </style>
  <rect class="ground" width="${WIDTH}" height="${top}" rx="8"/>
${parts.join('\n')}
</svg>
`;
  writeFileSync(new URL('results.svg', import.meta.url), svg);
}

const format = (rate) => Math.round(rate).toLocaleString('en');

const describe = (rates) =>
  PARTS.map(
    ({ title, bars }) => `${title}: ${bars.map(([name, key]) => `${name} ${format(rates.get(key))}`).join('; ')}`,
  )
    .map((line) => `${line}.`)
    .join(' ');

function drawPart({ title, bars }, rates, top) {
  const most = Math.max(...bars.map(([, key]) => rates.get(key)));
  const lines = bars.map(([name, key], i) => {
    const rate = rates.get(key);
    const y = top + 40 + i * STEP;
    const length = Math.max(2, Math.round((rate / most) * (WIDTH - NAMES - VALUES)));
    const middle = y + BAR / 2 + 5;
    return `  <text x="${NAMES - 12}" y="${middle}" text-anchor="end">${name}</text>
  <rect class="${i === 0 ? 'own' : 'other'}" x="${NAMES}" y="${y}" width="${length}" height="${BAR}" rx="3"/>
  <text class="value" x="${NAMES + length + 8}" y="${middle}">${format(rate)}</text>`;
  });
  return `  <text class="title" x="${NAMES}" y="${top + 26}">${title}</text>\n${lines.join('\n')}`;
}
