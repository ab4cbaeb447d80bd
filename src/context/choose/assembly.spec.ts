import { at, build, names, numbered, type Said, textsOf, user } from '../../../test/support/data/contexts';

describe('assemble', () => {
  it('U90 U91 passes what fits, and leaves the oldest out', async () => {
    const request = { strategy: 'sliding', max_tokens: 30 };
    expect(textsOf(await build(numbered(3), request))).toEqual(names(0, 3));
    const cut = await build(numbered(5), request);
    expect([textsOf(cut), cut.truncated]).toEqual([names(2, 5), true]);
  });

  it('C29 U100 keeps the newest and what instructs, whatever they count, and says so', async () => {
    const history: Said[] = [{ role: 'system', text: 'rules', tokens: 50 }, ...numbered(3, 20)];
    const assembled = await build(history, { strategy: 'sliding', max_tokens: 10 });
    expect(textsOf(assembled)).toEqual(['rules', 'm2']);
    expect(assembled.warnings).toEqual(['budget_exceeded']);
    const free = await build(history, { strategy: 'sliding', max_tokens: 100, reserve_tokens: 10 });
    expect(textsOf(free)).toEqual(['rules', 'm1', 'm2']);
    expect(free.warnings).toEqual([]);
  });

  it('U98 U99 summarises what half of the budget does not hold; else leaves the oldest out', async () => {
    const request = { strategy: 'summarize', max_tokens: 100 };
    expect(textsOf(await build(numbered(20), request))).toEqual([
      '[Summary of 15 earlier messages]: short',
      ...names(15, 20),
    ]);
    for (const summary of ['', 'long '.repeat(100)]) {
      const failed = await build(numbered(20), request, {}, summary);
      expect([textsOf(failed), failed.warnings]).toEqual([names(10, 20), ['summary_failed']]);
    }
    expect(textsOf(await build(numbered(10), request))).toEqual(names(0, 10));
  });

  it('does not summarise anew what a stored summary stands for', async () => {
    const summaries = [{ from_seq: 1, to_seq: 12, content: 'stored' }];
    const assembled = await build(numbered(20), { strategy: 'summarize', max_tokens: 100 }, { summaries });
    expect(textsOf(assembled).slice(0, 2)).toEqual([
      '[Conversation summary (turns 0-12)]: stored',
      expect.stringMatching(/^\[Summary of [1-9]\d? earlier messages\]: short$/),
    ]);
  });

  it('U97 keeps the newest three and system messages, then what the question is about, in order', async () => {
    const history: Said[] = [
      user('the hotel in Kyoto is called Sakura', 10),
      ...numbered(4),
      { role: 'system', text: 'be brief', tokens: 10 },
      ...numbered(5),
      user('Which hotel in Kyoto?', 10),
    ];
    const assembled = await build(history, { strategy: 'relevance', max_tokens: 50 });
    expect(textsOf(assembled)).toEqual([
      'the hotel in Kyoto is called Sakura',
      'be brief',
      'm3',
      'm4',
      'Which hotel in Kyoto?',
    ]);
    const unasked = await build(numbered(9), { strategy: 'relevance', max_tokens: 50 });
    expect(textsOf(unasked)).toEqual(names(4, 9));
  });

  it('takes time by the client where there is one; the newest stays', async () => {
    const history: Said[] = [
      { ...user('old') },
      { ...user('said long ago'), minutes: -500 },
      ...numbered(2),
      { ...user('newest'), minutes: -400 },
    ];
    const assembled = await build(history, { strategy: 'time_window', after: at(0.5) });
    expect(textsOf(assembled)).toEqual(['m0', 'm1', 'newest']);
    expect(assembled.truncated).toBe(false);
    expect(assembled.decisions.map(({ reason }) => reason)).toEqual([
      'too_old',
      'too_old',
      'chosen',
      'chosen',
      'newest',
    ]);
  });

  it('U93 fail refuses what does not fit; none sends it and says so', async () => {
    await expect(build(numbered(5), { strategy: 'fail', max_tokens: 49 })).rejects.toMatchObject({
      code: 'TOKEN_BUDGET_EXCEEDED',
    });
    expect(textsOf(await build(numbered(5), { strategy: 'fail', max_tokens: 50 }))).toEqual(names(0, 5));
    const whole = await build(numbered(5), { strategy: 'none', max_tokens: 10 });
    expect([textsOf(whole), whole.warnings]).toEqual([names(0, 5), ['budget_exceeded']]);
  });

  it('S46 P56 orders its sections, each within its share, and gives the rest to the newest', async () => {
    const summaries = [
      { from_seq: 1, to_seq: 10, content: 'a'.repeat(200) },
      { from_seq: 11, to_seq: 20, content: 'b'.repeat(200) },
    ];
    const facts = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`key${n}`, 'x'.repeat(40)]));
    const request = { strategy: 'hierarchical', max_tokens: 500, question: 'What?' };
    const assembled = await build(numbered(60), request, { facts, summaries });
    expect(assembled.sections.map(({ name }) => name)).toEqual(['facts', 'summaries', 'recent', 'question']);
    const tokens = assembled.sections.map(({ pieces }) => pieces.reduce((sum, piece) => sum + piece.tokens, 0));
    expect(tokens[0]).toBeLessThanOrEqual(75);
    expect(tokens[1]).toBeLessThanOrEqual(100);
    expect(tokens[2]).toBe(200);
    expect(assembled.warnings).toEqual(['facts_left_out', 'summaries_left_out']);
    expect(textsOf(assembled)[1]).toContain('turns 10-20');
  });

  it('P56 U74 finds earlier messages by their words, between summaries and recent, none twice', async () => {
    const history = [user('My passport number is X12', 5), ...numbered(30), user('What was my passport number?', 5)];
    const request = { window: 4, top_k: 2, max_tokens: 500 };
    const summaries = [{ from_seq: 1, to_seq: 10, content: 'intro' }];
    const assembled = await build(history, request, { summaries });
    expect(assembled.sections.map(({ name, pieces }) => [name, pieces.length])).toEqual([
      ['summaries', 1],
      ['retrieved', 1],
      ['recent', 4],
    ]);
    expect(new Set(textsOf(assembled)).size).toBe(6);
    const quiet = await build([{ role: 'assistant', text: 'passport' }, ...numbered(0)], request);
    expect(quiet.sections.map(({ name }) => name)).toEqual(['recent']);
    expect((await build(history, { ...request, max_tokens: 0 })).sections.map(({ name }) => name)).toEqual([
      'retrieved',
      'recent',
    ]);
  });

  it('explains every message', async () => {
    const history: Said[] = [
      { role: 'system', text: 'rules' },
      { role: 'tool', text: 'lost', answers: 'x' },
      { role: 'assistant', calls: ['a', 'b'] },
      { role: 'tool', text: 'ra', answers: 'a' },
      ...numbered(3),
    ];
    const { decisions, warnings } = await build(history, { strategy: 'sliding', max_tokens: 26 });
    expect(decisions.map(({ seq, included, reason }) => [seq, included, reason])).toEqual([
      [1, true, 'system'],
      [2, false, 'result_without_call'],
      [3, false, 'call_without_result'],
      [4, false, 'call_without_result'],
      [5, false, 'over_budget'],
      [6, true, 'chosen'],
      [7, true, 'newest'],
    ]);
    expect(warnings).toEqual(['incomplete_tool_calls']);
  });
});
