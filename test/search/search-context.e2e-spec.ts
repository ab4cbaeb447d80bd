import { randomUUID } from 'node:crypto';
import { world } from '../support/world';

/** What `top_k` and the strategy `relevance` find beyond what a context reads. */
describe('Search in contexts', () => {
  const { alice, bob, admin, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];
  let id: string;

  const user = (content: string) => ({ role: 'user', content });
  const many = (count: number) => Array.from({ length: count }, (_, n) => user(`m${n}`));
  const textsOf = ({ body }: any): string[] => body.messages.map(({ content }: any) => content);
  const say = async (session: string, messages: object[], client = alice) => {
    const { status, text } = await client.post(`/sessions/${session}/messages`, { messages });
    if (status !== 201) throw new Error(`${status} ${text}`);
  };
  const build = (query: object, client = alice) => client.post(`/sessions/${id}/context`, query);

  beforeEach(() => (id = randomUUID()));

  it('S47 top_k finds a message of another own session; never of another user', async () => {
    const other = randomUUID();
    await say(other, [user('The vault opens with 8891'), ...many(3)]);
    await say(id, many(5));
    const question = 'Which number opens the vault?';
    const answer = await build({ window: 3, top_k: 2, question, facts: false, explain: true });
    expect(answer.body.sections.map(({ name }: any) => name)).toEqual(['retrieved', 'recent', 'question']);
    expect(textsOf(answer)).toEqual(['The vault opens with 8891', 'm2', 'm3', 'm4', question]);
    const quoted = answer.body.explanation.filter(({ reason }: any) => reason === 'retrieved');
    expect(quoted).toMatchObject([{ seq: 1, thread_id: (await alice.get(`/sessions/${other}`)).body.thread_id }]);
    for (const stranger of strangers) {
      await say(id, [user('Mine')], stranger);
      expect((await build({ top_k: 5, question, facts: false }, stranger)).text).not.toContain('8891');
    }
    // Not without being asked for, not from a deleted session, and not in the context of a thread.
    expect((await build({ question })).text).not.toContain('8891');
    const { thread_id } = (await alice.get(`/sessions/${id}`)).body;
    expect((await alice.post(`/threads/${thread_id}/context`, { top_k: 5, question })).text).not.toContain('8891');
    await alice.delete(`/sessions/${other}`);
    expect((await build({ top_k: 5, question })).text).not.toContain('8891');
  });

  it('S47 P56 of what forks share one copy is quoted, however many there are, and never the question itself', async () => {
    const source = randomUUID();
    const question = 'Which gate leads to the orchard?';
    await say(source, [
      user('The orchard is behind gate 8891'),
      user(question),
      user('An orchard? A gate in the wall leads there.'),
    ]);
    const forks = Array.from({ length: 60 }, () => alice.post(`/sessions/${source}/fork`, {}));
    expect(new Set((await Promise.all(forks)).map(({ status }) => status))).toEqual(new Set([201]));
    await say(id, [user(question), ...many(5)]);
    const retrieved = async (query: object, session = id) => {
      const { body } = await alice.post(`/sessions/${session}/context`, {
        window: 3,
        top_k: 5,
        facts: false,
        ...query,
      });
      const count = body.sections.find(({ name }: any) => name === 'retrieved')?.message_count ?? 0;
      return textsOf({ body }).slice(0, count).sort();
    };
    const both = ['An orchard? A gate in the wall leads there.', 'The orchard is behind gate 8891'];
    expect(await retrieved({ question })).toEqual(both);
    expect(await retrieved({ question: ` ${question.toUpperCase()}\n` })).toEqual(both);
    // In a fork, its own copy is the one: it is in the window, or found as an older message.
    const fork = (await alice.post(`/sessions/${source}/fork`, {})).body.session_id;
    expect(await retrieved({ question }, fork)).toEqual([]);
    expect(await retrieved({ question, window: 1 }, fork)).toEqual(['The orchard is behind gate 8891']);
    // Without a question, the newest message of the user is the question: it is asked, and not found.
    await say(id, [user(question)]);
    expect(await retrieved({})).toEqual(both);
  });

  it('S47 of other sessions only what was said is quoted: no calls of tools, no results', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'vault_lookup', arguments: '{"vault":1}' } };
    await say(randomUUID(), [
      user('Vault, please'),
      { role: 'assistant', content: 'vault', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: 'vault 7' },
    ]);
    await say(id, [user('Hi')]);
    const found = (await build({ top_k: 9, question: 'vault?', facts: false })).body.messages;
    expect(found.map(({ role, content }: any) => [role, content])).toEqual([
      ['user', 'Vault, please'],
      ['user', 'Hi'],
      ['user', 'vault?'],
    ]);
  });

  it('P56 U88 top_k and relevance find what is older than the newest 1000, with the whole of a call', async () => {
    const call = { id: 'call', type: 'function', function: { name: 'open_safe', arguments: '{"place":"cellar"}' } };
    const head = [
      user('The gardener is called Benedict'),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call', content: 'The cellar holds 40 bottles' },
    ];
    await say(id, [...head, ...many(900)]);
    await say(id, many(900));
    const asked = (question: string, more: object) => build({ question, facts: false, ...more });
    for (const query of [
      { top_k: 1, window: 2 },
      { strategy: 'relevance', window: 10 },
    ]) {
      const texts = textsOf(await asked('What is the gardener called?', query));
      expect(texts[0]).toBe('The gardener is called Benedict');
      expect(texts.slice(-3)).toEqual(['m898', 'm899', 'What is the gardener called?']);
    }
    const { messages } = (await asked('How many bottles are in the cellar?', { top_k: 1, window: 2 })).body;
    expect(messages.slice(0, 2)).toMatchObject([{ tool_calls: [call] }, { role: 'tool', tool_call_id: 'call' }]);
    for (const stranger of strangers) {
      await say(id, [user('Mine')], stranger);
      expect((await build({ question: 'gardener Benedict', top_k: 5 }, stranger)).text).not.toContain(
        'is called Benedict',
      );
    }
  });
});
