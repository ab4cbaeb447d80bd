import type { ContextRequest } from '../context.dto';
import { build, names, numbered, piecesOf, type Said, textsOf, user } from '../../../test/support/data/contexts';

describe('stable', () => {
  const history: Said[] = [{ role: 'system', text: 'rules' }];
  for (let n = 0; n < 200; n += 1) {
    history.push(user(`question ${n}`, 5 + (n % 7)), { role: 'assistant', calls: [`c${n}`], tokens: 3 });
    history.push({ role: 'tool', answers: `c${n}`, text: `r${n}`, tokens: n % 11 });
  }
  /** How often a context does not begin with the one before it, as messages come in one by one. */
  const breaksOf = async (request: ContextRequest) => {
    let before = '';
    let breaks = 0;
    for (let length = 1; length <= 400; length += 1) {
      const pieces = piecesOf(await build(history.slice(0, length), request));
      const text = pieces.map(({ message }) => JSON.stringify(message)).join('\n');
      if (!text.startsWith(before)) breaks += 1;
      before = text;
    }
    return breaks;
  };

  it.each([
    { strategy: 'sliding', max_tokens: 300 },
    { strategy: 'last_n', window: 40 },
    { strategy: 'hierarchical', window: 40, max_tokens: 300 },
  ])('C29 %j: prefixes hold for a step', async (request) => {
    const moving = await breaksOf(request);
    const inSteps = await breaksOf({ ...request, stable: true, step: 20 });
    expect(moving).toBeGreaterThan(100);
    expect(inSteps).toBeLessThanOrEqual(Math.ceil(400 / 20));
  });

  it('leaves no more than a step out, and never only the newest', async () => {
    const steps = await build(numbered(100), { window: 40, stable: true, step: 20 });
    expect(textsOf(steps)).toEqual(names(60, 100));
    expect(textsOf(await build(numbered(101), { window: 40, stable: true, step: 20 }))).toEqual(names(80, 101));
    expect(textsOf(await build(numbered(101), { window: 3, stable: true, step: 50 })).length).toBeGreaterThan(1);
  });
});
