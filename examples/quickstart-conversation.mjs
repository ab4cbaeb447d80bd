#!/usr/bin/env node
/**
 * Sessions and memory in five minutes: get or create, a tool call, the history in pages, facts that stay.
 *
 *     node examples/quickstart-conversation.mjs [--url http://localhost:8000] [--key tl_…]
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const options = {
  url: { type: 'string', default: process.env.BASE_URL ?? 'http://localhost:8000' },
  key: { type: 'string' },
};
const { url, key } = parseArgs({ options }).values;
const authorization = key && { authorization: `Bearer ${key}` };

/** The appointment's whole story: question, call, result, answer. */
const TOOL_CALL = [
  { role: 'user', content: 'Check my appointment' },
  {
    role: 'assistant',
    tool_calls: [
      {
        id: 'call_123',
        type: 'function',
        function: { name: 'check_appointment', arguments: '{"user_id": "123"}' },
      },
    ],
  },
  { role: 'tool', tool_call_id: 'call_123', content: '{"time": "2pm", "status": "confirmed"}' },
  { role: 'assistant', content: 'Your appointment is at 2pm.' },
];

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

async function getOrCreate() {
  const { session_id } = await api('POST', '/sessions', {});
  const { status, body } = await call('POST', '/sessions', { session_id });
  check('the same id again', [status, body.session_id], [200, session_id]);
  step(`made ${session_id}; asked for again, it goes on`);
  return session_id;
}

async function addMessages(id) {
  await api('POST', `/sessions/${id}/messages`, {
    messages: [
      { role: 'user', content: 'Hello!' },
      { role: 'assistant', content: 'Hi there!' },
    ],
  });
  const { total } = await api('POST', `/sessions/${id}/messages`, { messages: TOOL_CALL });
  check('the number of messages', total, 6);
  const { data } = await api('GET', `/sessions/${id}/messages?last=4`);
  check('the arguments of the call', data[1].tool_calls[0].function.arguments, '{"user_id": "123"}');
  check('the result names its call', data[2].tool_call_id, data[1].tool_calls[0].id);
  step('stored a greeting, and a tool call with its result');
}

/** Pages go by cursor: what is written meanwhile neither repeats nor drops out. */
async function readInPages(id) {
  const roles = [];
  const path = `/sessions/${id}/messages?limit=4`;
  for (let cursor = ''; cursor !== null;) {
    const { data, next_cursor, total } = await api('GET', path + (cursor && `&after=${encodeURIComponent(cursor)}`));
    check('the total of a page', total, 6);
    roles.push(...data.map(({ role }) => role));
    cursor = next_cursor;
  }
  check('the roles', roles, ['user', 'assistant', 'user', 'assistant', 'tool', 'assistant']);
  step(`read them back in pages of 4: ${roles.join(', ')}`);
}

async function remember(id) {
  const memories = { allergies: ['penicillin'], medications: [{ name: 'lisinopril', dosage: '10mg' }] };
  // For this session only, so that nothing of yours is touched. Without session_id it is for the user, in every session.
  await api('PUT', '/memory', { session_id: id, memories });
  const loaded = await api('GET', `/memory?session_id=${id}`);
  check('the memories', loaded.memories, memories);
  await api('DELETE', `/memory/medications?session_id=${id}`);
  const { memories: left } = await api('GET', `/memory?session_id=${id}`);
  check('what is left', left, { allergies: ['penicillin'] });
  step(`remembered ${Object.keys(memories).join(' and ')}, and forgot the latter`);
}

async function end(id) {
  await api('DELETE', `/sessions/${id}`);
  check('the session after its end', (await call('GET', `/sessions/${id}`)).status, 404);
  check('its memories', (await api('GET', `/memory?session_id=${id}`)).memories, {});
  step('deleted the session, and with it its messages and memories');
}

try {
  const id = await getOrCreate();
  await addMessages(id);
  await readInPages(id);
  await remember(id);
  await end(id);
} catch (error) {
  console.error(`Failed: ${error.message}`);
  process.exitCode = 1;
}
