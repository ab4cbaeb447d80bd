import { MESSAGE, TOKENS } from './fill.mjs';
import { built } from './stage.mjs';

/** What is asked over HTTP, and beside it the same statements for pg. */
export function makeRequests({ orgId, userId, caller }) {
  const { APPEND, UNPARSED } = built('./messages/messages.repository.js');
  const { newId } = built('./common/ids.js');
  const json = { ...caller, 'content-type': 'application/json' };
  const post = (id, body) => ({ method: 'POST', path: `/api/threads/${id}/messages`, headers: json, body });
  const one = JSON.stringify(MESSAGE);
  const content = { type: 'text', text: MESSAGE.content };
  const viewer = [orgId, userId, false];
  return {
    append: (id) => post(id, one),
    appendBatch: (id, count) => post(id, JSON.stringify({ messages: Array(count).fill(MESSAGE) })),
    readLast: (id, last = 20) => ({ method: 'GET', path: `/api/threads/${id}/messages?last=${last}`, headers: caller }),
    context: (id, query) => ({ method: 'GET', path: `/api/threads/${id}/context?${query}`, headers: caller }),
    list: (headers) => ({ method: 'GET', path: '/api/threads?limit=50', headers }),
    directAppend: (id) => {
      const row = { id: newId(), role: MESSAGE.role, content, metadata: {}, token_count: TOKENS, cost: '0' };
      return { ...APPEND.thread, values: [...viewer, id, JSON.stringify([row]), 1, TOKENS, undefined] };
    },
    // One more than asked for, as the server reads it to know whether there are more.
    directRead: (id) => ({
      ...UNPARSED.desc.thread,
      values: [...viewer, id, 0, Number.MAX_SAFE_INTEGER, undefined, undefined, 21, 0, undefined],
    }),
  };
}
