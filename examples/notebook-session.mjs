#!/usr/bin/env node
/**
 * The session of a notebook: three questions to the agent with growing variables, what is kept of them, and the end.
 *
 *     node examples/notebook-session.mjs [--url http://localhost:8000] [--key tl_…]
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const options = {
  url: { type: 'string', default: process.env.BASE_URL ?? 'http://localhost:8000' },
  key: { type: 'string' },
};
const { url, key } = parseArgs({ options }).values;
const authorization = key && { authorization: `Bearer ${key}` };

/** The same id goes on with the same conversation; the first question makes the session. */
const SESSION_ID = 'my_analysis_001';

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

async function query(text, variables = {}) {
  const { messages, session_id } = await api('POST', '/agent/quick', {
    query: text,
    context: { notebook_id: 'nb_123', session_id: SESSION_ID, variables, cell_count: 1 },
  });
  check('the session of the answer', session_id, SESSION_ID);
  const [{ type, content }] = messages;
  assert.notEqual(type, 'error', `the model failed: ${content}`);
  step(`${text}\n    ${content.replaceAll('\n', '\n    ')}`);
}

async function lookBack() {
  const { turn_count, history } = await api('GET', `/sessions/${SESSION_ID}/history`);
  check('turn_count', turn_count, 6);
  check(
    'the roles',
    history.map(({ role }) => role),
    ['user', 'assistant', 'user', 'assistant', 'user', 'assistant'],
  );
  check('the first question', history[0].content, 'Load data.csv');
  step(`the history has ${turn_count} entries: three questions, each with its answer`);

  const { history: recent } = await api('GET', `/sessions/${SESSION_ID}/history?max_turns=2`);
  check('the newest two entries', recent, history.slice(-2));
}

async function inform() {
  const { notebook_id, turn_count, variables, last_activity } = await api('GET', `/sessions/${SESSION_ID}`);
  check('the notebook', notebook_id, 'nb_123');
  check('turn_count of the session', turn_count, 6);
  check('the variables', variables, ['df', 'age']);
  step(`the session knows ${variables.join(' and ')}; its last activity was at ${last_activity}`);
}

async function clear() {
  check('the clear', (await api('DELETE', `/sessions/${SESSION_ID}`)).status, 'cleared');
  for (const path of ['', '/history']) {
    check(
      `${path || 'the session'} after the clear`,
      (await call('GET', `/sessions/${SESSION_ID}${path}`)).status,
      404,
    );
  }
  step('cleared: the session is gone');
}

try {
  // What a run that was broken off has left would be counted with this one.
  await call('DELETE', `/sessions/${SESSION_ID}`);
  await query('Load data.csv');
  await query('How many rows?', { df: 'DataFrame' });
  await query('Show correlation between age and income', { df: 'DataFrame', age: 'Series' });
  await lookBack();
  await inform();
  await clear();
} catch (error) {
  console.error(`Failed: ${error.message}`);
  process.exitCode = 1;
}
