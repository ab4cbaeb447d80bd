#!/usr/bin/env node
/**
 * A conversation's life: begin, go on, come back to it, switch to another, clear, delete.
 *
 *     node examples/persistent-conversation.mjs [--url http://127.0.0.1:8000] [--key tl_…]
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const options = {
  url: { type: 'string', default: process.env.BASE_URL ?? 'http://127.0.0.1:8000' },
  key: { type: 'string' },
};
const { url, key } = parseArgs({ options }).values;
const authorization = key && { authorization: `Bearer ${key}` };

async function call(method, path, body) {
  const type = body && { 'content-type': 'application/json' };
  const response = await fetch(new URL(`/api${path}`, url), {
    method,
    headers: { ...authorization, ...type },
    body: body && JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** The same, for where nothing but success will do. */
async function api(method, path, body) {
  const answer = await call(method, path, body);
  assert(answer.status < 300, `${method} ${path} answered ${answer.status}: ${answer.body.detail}`);
  return answer.body;
}

const say = (role, content) => api('POST', '/messages', { role, content });
const textsOf = async (id) => (await api('GET', `/threads/${id}/messages`)).data.map(({ content }) => content.text);
const step = (text) => console.log(`- ${text}`);

async function begin() {
  const tokyo = await api('POST', '/threads', { name: 'A trip to Tokyo', metadata: { topic: 'travel' } });
  // A new thread is its user's current one, and /messages writes to that.
  await say('user', 'When do the cherries bloom in Tokyo?');
  await say('assistant', 'Usually in the last week of March.');
  assert.deepEqual(await textsOf(tokyo.id), [
    'When do the cherries bloom in Tokyo?',
    'Usually in the last week of March.',
  ]);
  step(`created ${tokyo.id} and stored a question and its answer`);
  return tokyo.id;
}

async function resume(id) {
  await api('PUT', '/threads/current', { thread_id: id });
  await say('user', 'And in Kyoto?');
  const history = await api('GET', `/threads/${id}/history`);
  const messages = Array.isArray(history) ? history : (history.data ?? history.history);
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['user', 'assistant', 'user'],
  );
  step('came back to it by its id; the history is ready for a model:');
  for (const { role, content } of messages) console.log(`    ${role}: ${content}`);
}

async function switchBetween(tokyo) {
  const recipe = await api('POST', '/threads', { name: 'A recipe' });
  await say('user', 'How long do I boil an egg?');
  await api('PUT', '/threads/current', { thread_id: tokyo });
  await say('assistant', 'A few days later.');
  assert.deepEqual(await textsOf(recipe.id), ['How long do I boil an egg?']);
  assert.equal((await textsOf(tokyo)).length, 4);
  step('switched to another thread and back; each holds only its own messages');
  return recipe.id;
}

async function clear(id) {
  const { cleared } = await api('DELETE', `/threads/${id}/messages`);
  assert.equal(cleared, 4);
  assert.deepEqual(await textsOf(id), []);
  step(`cleared ${cleared} messages; the thread is still there`);
}

async function remove(id) {
  assert.equal((await api('DELETE', `/threads/${id}`)).deleted, true);
  assert.equal((await call('GET', `/threads/${id}`)).status, 404);
}

const tokyo = await begin();
await resume(tokyo);
const recipe = await switchBetween(tokyo);
await clear(tokyo);
await Promise.all([tokyo, recipe].map(remove));
step('deleted both');
