#!/usr/bin/env node
/**
 * An assistant that remembers its patient: two visits, each in a new session. The second one knows the fact that the
 * first one saved, and nothing of what was said there.
 *
 *     node examples/healthcare-assistant.mjs [--url http://localhost:8000] [--key tl_…]
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const options = {
  url: { type: 'string', default: process.env.BASE_URL ?? 'http://localhost:8000' },
  key: { type: 'string' },
};
const { url, key } = parseArgs({ options }).values;
const authorization = key && { authorization: `Bearer ${key}` };

/** The facts of one patient have names that begin so. A service key would use /users/{user_id}/memory. */
const PATIENT = 'patient-123.';
const ALLERGIES = `${PATIENT}allergies`;

async function call(method, path, body) {
  const type = body && { 'content-type': 'application/json' };
  const response = await fetch(new URL(`/api${path}`, url), {
    method,
    headers: { ...authorization, ...type },
    body: body && JSON.stringify(body),
  }).catch(({ cause }) =>
    assert.fail(`no server at ${url} (${cause?.code ?? cause?.message}): start one with "npm start"`),
  );
  return { status: response.status, body: await response.json() };
}

/** The same, for where nothing but success will do. */
async function api(method, path, body) {
  const answer = await call(method, path, body);
  assert(answer.status < 300, `${method} ${path} answered ${answer.status}: ${answer.body.detail}`);
  return answer.body;
}

function check(what, actual, expected) {
  assert.deepEqual(actual, expected, `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

const step = (text) => console.log(`- ${text}`);

/** What the model gets to see: what is known of the patient, what was said in this session, the question. */
function buildPrompt(memories, messages, question) {
  return [
    {
      role: 'system',
      content: `You are a helpful medical assistant. Known of the patient: ${JSON.stringify(memories)}`,
    },
    ...messages.map(({ role, content }) => ({ role, content })),
    { role: 'user', content: question },
  ];
}

/** Your model goes here. This one knows two sentences, and a fact when it is told one. */
function generate([{ content: system }]) {
  if (system.includes('penicillin'))
    return { text: 'Better not: you are allergic to penicillin. Please ask your doctor.' };
  return { text: 'Thank you, I will remember that.', fact: { key: ALLERGIES, value: ['penicillin'] } };
}

/** One visit. @returns what the assistant knew before it, and its session */
async function visit(question) {
  const { session_id } = await api('POST', '/sessions', { title: 'A visit' });
  const { memories } = await api('GET', `/memory?prefix=${PATIENT}`);
  const { data: newestFirst } = await api('GET', `/sessions/${session_id}/messages?limit=20&order=desc`);
  const messages = newestFirst.reverse();

  const { text, fact } = generate(buildPrompt(memories, messages, question));
  await api('POST', `/sessions/${session_id}/messages`, {
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: text },
    ],
  });
  if (fact) await api('PUT', `/memory/${fact.key}`, { value: fact.value });
  step(`patient: ${question}\n  assistant: ${text}`);
  return { session_id, memories, messages, text };
}

/** A run that was broken off may have left the fact. */
const forget = () => call('DELETE', `/memory/${ALLERGIES}`);

try {
  await forget();
  const first = await visit('I am allergic to penicillin.');
  check('known at the first visit', first.memories, {});

  const second = await visit('May I take amoxicillin?');
  assert.notEqual(second.session_id, first.session_id, 'both visits are one session');
  check('known at the second visit', second.memories, { [ALLERGIES]: ['penicillin'] });
  check('said before the second question', second.messages, []);
  assert.match(second.text, /allergic to penicillin/);
  step('the second visit knew the saved fact, and none of the old messages');

  await forget();
  for (const { session_id } of [first, second]) await api('DELETE', `/sessions/${session_id}`);
  step('deleted both sessions and the fact');
} catch (error) {
  console.error(`Failed: ${error.message}`);
  process.exitCode = 1;
}
