import fc from 'fast-check';
import { at, materialOf, piecesOf, type Said } from '../../../test/support/data/contexts';
import { assemble, type Assembled, type Material } from './assembly';
import type { ContextRequest } from '../context.dto';
import { toPlan } from './plan';
import { STRATEGY_NAMES } from './strategies';
import { sendable, toUnits } from './units';

/** `npm run soak` looks longer. */
const RUNS = process.env.SOAK === '1' ? 10_000 : 500;

/** Messages with tool calls, nested, parallel and interrupted; long, empty and none. */
const histories = fc
  .array(
    fc.record({
      kind: fc.constantFrom('user', 'assistant', 'call', 'result', 'result', 'system', 'stray'),
      parallel: fc.integer({ min: 1, max: 3 }),
      pick: fc.nat(5),
      tokens: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 2000 })),
      text: fc.constantFrom('', 'hotel', 'Kyoto in spring', 'x'.repeat(500)),
    }),
    { maxLength: 30 },
  )
  .map((steps) => {
    const open: string[] = [];
    let calls = 0;
    return steps.map(({ kind, parallel, pick, tokens, text }): Said => {
      if (kind === 'call') {
        const ids = Array.from({ length: parallel }, () => `call-${(calls += 1)}`);
        open.push(...ids);
        return { role: 'assistant', calls: ids, tokens };
      }
      if (kind === 'stray') return { role: 'tool', answers: `stray-${pick}`, text, tokens };
      if (kind === 'result' && open.length > 0) {
        return { role: 'tool', answers: open.splice(pick % open.length, 1)[0], text, tokens };
      }
      const role = kind === 'system' ? 'system' : kind === 'assistant' ? 'assistant' : 'user';
      return { role, text, tokens };
    });
  });

const requests = fc.record(
  {
    max_tokens: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 5000 })),
    window: fc.integer({ min: 1, max: 40 }),
    reserve_tokens: fc.integer({ min: 0, max: 50 }),
    question: fc.constantFrom('Which hotel?', 'x'),
    stable: fc.constantFrom(true),
    top_k: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: ['max_tokens'] },
);

describe('any history, any budget, every strategy', () => {
  const strategies = STRATEGY_NAMES.filter((name) => !['', 'truncate', 'oldest'].includes(name));

  it('C29 C50 keeps the budget, the order, the newest and the units', async () => {
    const check = async (history: Said[], fields: ContextRequest, strategy: string) => {
      const request: ContextRequest = { ...fields, strategy, ...(strategy === 'time_window' ? { after: at(10) } : {}) };
      const material = materialOf(history, request, {
        facts: { city: 'Kyoto', diet: 'none' },
        summaries: [{ from_seq: 1, to_seq: 3, content: 'They met.' }],
      });
      try {
        const assembled = await assemble(material, toPlan(request, 'chars_4'), () => Promise.resolve('sum'));
        return violations(assembled, material, request);
      } catch (error) {
        const isDue = strategy === 'fail' && (error as { code?: string }).code === 'TOKEN_BUDGET_EXCEEDED';
        return isDue ? [] : [String(error)];
      }
    };
    const property = fc.asyncProperty(histories, requests, async (history, fields) => {
      const found: [strategy: string, violations: string[]][] = [];
      for (const strategy of strategies) found.push([strategy, await check(history, fields, strategy)]);
      expect(found.filter(([, violations]) => violations.length > 0)).toEqual([]);
    });
    await fc.assert(property, { numRuns: RUNS });
  }, 300_000);
});

/** What is wrong with a context; nothing, it is hoped. */
function violations(assembled: Assembled, material: Material, request: ContextRequest): string[] {
  const units = toUnits(material.entries);
  const newest = sendable(units, request.question === undefined).at(-1);
  const included = assembled.decisions.filter((decision) => decision.included);
  const ids = new Set(included.map(({ id }) => id));
  const sent = assembled.sections.map(({ pieces }) => pieces.map(({ message }) => message.metadata.id).filter(Boolean));
  const seqOf = new Map<unknown, number>(included.map(({ id, seq }) => [id, seq]));
  const isAscending = (seqs: number[]) => seqs.every((seq, index) => index === 0 || seqs[index - 1] < seq);

  const halves = units.filter(({ entries }) => {
    const kept = entries.filter(({ row }) => ids.has(row.id)).length;
    return kept > 0 && kept < entries.length;
  });
  const orphans = units.filter(
    (unit) => unit.state !== 'whole' && unit.entries.some(({ row }) => ids.has(row.id)) && unit !== newest,
  );
  const tokens = piecesOf(assembled).reduce((sum, piece) => sum + piece.tokens, 0);
  const stays = [...material.leading, ...(newest?.entries ?? [])];
  const must = stays.reduce((sum, entry) => sum + entry.tokens, Math.ceil((request.question?.length ?? 0) / 4));
  const problems: Record<string, boolean> = {
    'half a unit': halves.length > 0,
    'an orphan': orphans.length > 0 || (newest?.state === 'orphan' && ids.has(newest.entries[0].row.id)),
    'the newest or the head is missing': stays.some(({ row }) => !ids.has(row.id)),
    'other messages than it says': sent.flat().length !== ids.size || sent.flat().some((id) => !seqOf.has(id)),
    'out of order': !sent.every((section) => isAscending(section.map((id) => seqOf.get(id)!))),
    'over the budget': request.strategy !== 'none' && tokens > Math.max(material.budget, must),
    'no word of it': assembled.warnings.includes('budget_exceeded') !== tokens > material.budget,
  };
  return Object.keys(problems).filter((problem) => problems[problem]);
}
