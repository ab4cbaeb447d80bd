const { default: Sequencer } = require('@jest/test-sequencer');

/** The longest, longest first: begun last, one of them would run while the other worker has nothing left to do. */
const LONGEST = [
  'fuzz',
  'workers-ends',
  'concurrency',
  'crash',
  'cluster',
  'mcp-door',
  'embedded',
  'backup',
  'shutdown',
  'state-store',
];

const rank = ({ path }) => {
  const index = LONGEST.findIndex((name) => path.endsWith(`/${name}.e2e-spec.ts`));
  return index < 0 ? LONGEST.length : index;
};

/** Jest's own order of the rest: by what the last run took, or by size. */
module.exports = class LongestFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
};
