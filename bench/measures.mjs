import { makeBulk } from './bulk.mjs';
import { compare, loadCalls, loadDirect, loadHttp } from './load.mjs';
import { makeRequests } from './requests.mjs';

export const CALLERS = 32;
export const MANY = 128;

/** Every load by its key; `run` answers its rate and latencies. */
export function makeLoads({ url, pool, filled, peers, seconds, share }) {
  const { append, readLast, directAppend, directRead } = makeRequests(filled);
  const http = (make, connections = CALLERS) => {
    const requests = filled.busy.map((id) => make(id));
    return () => loadHttp(url, requests, { connections, seconds });
  };
  const direct = (make, connections = CALLERS) => {
    return () => loadDirect(pool, filled.busy, make, { connections, seconds });
  };
  const calls = ({ threads }, call) => {
    return () => loadCalls(threads, call, { connections: CALLERS, seconds });
  };
  const { mastra, langchain, langgraph } = peers;
  const bulk = makeBulk(url, pool, filled, share);
  return {
    appendHttp: { name: 'append, HTTP', run: http(append) },
    appendDirect: { name: 'append, direct', run: direct(directAppend) },
    appendMastra: { name: 'append, Mastra saveMessages', run: calls(mastra, mastra.append) },
    appendLangChain: { name: 'append, LangChain addMessage', run: calls(langchain, langchain.append) },
    appendHttpMany: { name: `append, HTTP, ${MANY} connections`, run: http(append, MANY) },
    appendDirectMany: { name: `append, direct, ${MANY} callers`, run: direct(directAppend, MANY) },
    readHttp: { name: 'read of the last 20, HTTP', run: http(readLast) },
    readDirect: { name: 'read of the last 20, direct', run: direct(directRead) },
    readMastra: { name: 'read of the last 20, Mastra listMessages', run: calls(mastra, mastra.read) },
    readLangChain: { name: 'read of all 30, LangChain getMessages', run: calls(langchain, langchain.read) },
    readAlone: { name: 'the same, without other threads', run: calls(langchain, langchain.readAlone) },
    putLangGraph: { name: 'put of 30, LangGraph checkpoint', run: calls(langgraph, langgraph.append) },
    getLangGraph: { name: 'read of all 30, LangGraph getTuple', run: calls(langgraph, langgraph.read) },
    batchHttp: { name: 'messages in batches of 100, HTTP', run: bulk.http },
    copy: { name: 'messages by COPY', run: bulk.copy },
  };
}

/** Rates of two loads against each other; those without a mark are there to be known. */
export const RATIOS = [
  { name: 'append, HTTP / direct', of: ['appendHttp', 'appendDirect'], least: 0.6 },
  { name: `append, HTTP / direct, ${MANY} callers each`, of: ['appendHttpMany', 'appendDirectMany'], least: 0.8 },
  { name: `append, HTTP at ${MANY} / direct at ${CALLERS}`, of: ['appendHttpMany', 'appendDirect'] },
  { name: 'append, HTTP / Mastra saveMessages', of: ['appendHttp', 'appendMastra'], least: 2 },
  { name: 'append, HTTP / LangChain addMessage', of: ['appendHttp', 'appendLangChain'], least: 0.5 },
  { name: 'read of the last 20, HTTP / direct', of: ['readHttp', 'readDirect'], least: 0.6 },
  { name: 'read of the last 20, HTTP / Mastra listMessages', of: ['readHttp', 'readMastra'], least: 1.3 },
  { name: 'read of the last 20, HTTP / LangChain getMessages', of: ['readHttp', 'readLangChain'], least: 10 },
  { name: 'the same, without other threads in its table', of: ['readHttp', 'readAlone'] },
  { name: 'append, HTTP / LangGraph put', of: ['appendHttp', 'putLangGraph'] },
  { name: 'read of the last 20, HTTP / LangGraph getTuple', of: ['readHttp', 'getLangGraph'] },
  { name: 'batches of 100 over HTTP / COPY, messages', of: ['batchHttp', 'copy'], least: 0.2 },
];

/** How a request's time goes by how much there is; `run` answers the median times of the large and the small. */
export function makeFlats({ url, filled, amount }) {
  const { append, context, list, readLast } = makeRequests(filled);
  const { huge, long, short, growing, contexts, lists } = filled;
  const reads = (large, last) => [large, short].map((ids) => ids.map((id) => readLast(id, last)));
  const appends = (large) => [large, growing].map((ids) => ids.map((id) => append(id)));
  const contextsOf = (query) => [contexts.long, contexts.short].map((ids) => ids.map((id) => context(id, query)));
  const flats = [
    ['append, 100,000 messages against 10', 1.2, appends(huge)],
    ['read of the last 10, 100,000 messages against 10', 1.2, reads(huge, 10)],
    ['append, 10,000 messages against 10', 1.3, appends(long)],
    ['read of the last 20, 10,000 messages against 10', 1.3, reads(long, 20)],
    ['read of the last 10, 10,000 messages against 10', 1.3, reads(long, 10)],
    ['list 50 as member, 100,000 threads against 100', 1.3, [[list(lists.heavyMember)], [list(lists.lightMember)]]],
    ['list 50 as admin, 100,000 threads against 100', 1.3, [[list(lists.largeAdmin)], [list(lists.smallAdmin)]]],
    ['context of the last 20, 10,000 messages against 30', 1.5, contextsOf('window=20')],
    ['context of 4,000 tokens, 10,000 messages against 30', 1.5, contextsOf('token_budget=4000')],
  ];
  return flats.map(([name, most, [large, small]]) => ({ name, most, run: () => compare(url, large, small, amount) }));
}
