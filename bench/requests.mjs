import { MESSAGE, TOKENS } from './fill.mjs';
import { built } from './stage.mjs';

/** A slice that nothing bounds. */
const ALL = {
  afterSeq: 0,
  beforeSeq: Number.MAX_SAFE_INTEGER,
  from: undefined,
  to: undefined,
  createdBy: undefined,
  offset: 0,
  known: undefined,
  // Of a page's bytes, what one message of 21 may have.
  part: 200_000,
};

/** What is asked over HTTP, and beside it the same statements for pg. */
export function makeRequests({ orgId, userId, caller }) {
  const { inOrder } = built('./database/door/sql.js');
  const { APPEND } = built('./messages/append/append.repository.js');
  const { UNPARSED } = built('./messages/read/message-lists.js');
  const { newId } = built('./common/ids.js');
  const json = { ...caller, 'content-type': 'application/json' };
  const post = (id, body) => ({ method: 'POST', path: `/api/threads/${id}/messages`, headers: json, body });
  const one = JSON.stringify(MESSAGE);
  const content = { type: 'text', text: MESSAGE.content };
  const direct = ({ name, text, parameters }, target, values) => {
    const all = { orgId, userId, seesOrganization: false, via: 'bench', target, ...values };
    return { name, text, values: inOrder(parameters, all) };
  };
  return {
    append: (id) => post(id, one),
    appendBatch: (id, count) => post(id, JSON.stringify({ messages: Array(count).fill(MESSAGE) })),
    readLast: (id, last = 20) => ({ method: 'GET', path: `/api/threads/${id}/messages?last=${last}`, headers: caller }),
    context: (id, query) => ({ method: 'GET', path: `/api/threads/${id}/context?${query}`, headers: caller }),
    list: (headers) => ({ method: 'GET', path: '/api/threads?limit=50', headers }),
    directAppend: (id) => {
      const row = { id: newId(), role: MESSAGE.role, content, metadata: {}, token_count: TOKENS, cost: '0' };
      const values = { messages: JSON.stringify([row]), count: 1, tokens: TOKENS, version: undefined };
      return direct(APPEND.thread, id, values);
    },
    // One more than asked for, as the server reads it to know whether there are more.
    directRead: (id) => direct(UNPARSED.desc.shared.thread, id, { ...ALL, limit: 21 }),
  };
}
