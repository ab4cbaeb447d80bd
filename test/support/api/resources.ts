import { randomUUID } from 'node:crypto';
import { type Operation, sampleOf } from './openapi';
import type { Client } from '../world/client';

/** What a path id names: how to make one, and how to get rid of it. */
export interface Resource {
  /** Whose eyes it is for: one user's, or those of every admin of the organization. */
  readonly scope: 'user' | 'organization';
  create(owner: Client): Promise<string>;
  /** Whether an operation of somebody else works on a resource of their own under the same id, instead of 404. */
  creates?(operation: Operation): boolean;
  /** The id stands for every id of a path: it was made so. */
  readonly fillsPath?: boolean;
  remove(owner: Client, id: string): Promise<unknown>;
}

export const SECRET = 'nobody-else-may-read-this';

/** For good: what is in the trash can be restored. */
const ERASED = { query: { erase: true } };

const thread: Resource = {
  scope: 'user',
  create: async (owner) => {
    const { id } = await owner.createThread(SECRET, { metadata: { note: SECRET } });
    await owner.addMessage(id, SECRET);
    // Something to redo, and to find in the trash.
    await owner.addMessage(id, SECRET);
    await owner.post(`/threads/${id}/undo`);
    await owner.post(`/threads/${id}/summaries`, { start_turn: 0, end_turn: 1, content: SECRET });
    return id;
  },
  remove: (owner, id) => owner.delete(`/threads/${id}`, ERASED),
};

const message: Resource = {
  scope: 'user',
  create: async (owner) => (await owner.addMessage((await owner.createThread(SECRET)).id, SECRET)).id,
  remove: (owner, id) => owner.delete(`/messages/${id}`, ERASED),
};

const key: Resource = {
  scope: 'organization',
  create: async (owner) => (await owner.post('/keys', { name: SECRET, role: 'member', user_id: 'alice' })).body.id,
  remove: (owner, id) => owner.delete(`/keys/${id}`),
};

const memory: Resource = {
  scope: 'user',
  create: async (owner) => {
    const id = randomUUID();
    // Twice, so that there is a history too.
    for (const value of [SECRET, SECRET]) await owner.put(`/memory/${id}`, { value });
    return id;
  },
  creates: ({ method }) => method === 'PUT',
  remove: (owner, id) => owner.delete(`/memory/${id}`),
};

/** Of a user whom an admin names: there is one of that name in every organization. */
const userMemory: Resource = {
  scope: 'organization',
  create: async (owner) => {
    const id = randomUUID();
    for (const value of [SECRET, SECRET]) await owner.put(`/users/${id}/memory/${id}`, { value });
    return id;
  },
  creates: ({ method, pathParams }) => method === 'PUT' || pathParams.length === 1,
  fillsPath: true,
  remove: (owner, id) => owner.delete(`/users/${id}/memory`),
};

/** A write to an unknown id makes a session of the caller's own. */
const session: Resource = {
  scope: 'user',
  create: async (owner) => {
    const id = randomUUID();
    const settings = { title: SECRET, metadata: { note: SECRET }, variables: { note: SECRET } };
    await owner.post('/sessions', { session_id: id, ...settings });
    for (const content of [SECRET, SECRET]) await owner.post(`/sessions/${id}/messages`, { role: 'user', content });
    await owner.post(`/sessions/${id}/undo`);
    await owner.post(`/sessions/${id}/summaries`, { start_turn: 0, end_turn: 1, content: SECRET });
    return id;
  },
  creates: ({ method, path }) => /^POST .*\/messages$|^PUT |^PATCH .*\/(metadata|variables)$/.test(`${method} ${path}`),
  remove: (owner, id) => owner.delete(`/sessions/${id}`),
};

const erasure: Resource = {
  scope: 'organization',
  create: async (owner) => (await owner.post('/erasures', { user_id: SECRET })).body.id,
  remove: (owner, id) => owner.delete(`/erasures/${id}`),
};

/** Of a thread of the owner's, with somebody who is nobody else in the tests: strangers have no part in it. */
const shareOf = async (owner: Client, conversation: string): Promise<string> =>
  (await owner.post(`${conversation}/shares`, { user_id: randomUUID(), permission: 'read' })).body.id;

const share: Resource = {
  scope: 'user',
  create: async (owner) => shareOf(owner, `/threads/${await thread.create(owner)}`),
  remove: (owner, id) => owner.delete(`/shares/${id}`),
};

/** Two ids in one, in the order of the path. */
const within = (kind: Resource, route: string): Resource => ({
  scope: 'user',
  create: async (owner) => {
    const id = await kind.create(owner);
    return `${id} ${await shareOf(owner, `${route}/${id}`)}`;
  },
  fillsPath: true,
  remove: (owner, ids) => owner.delete(`/shares/${ids.split(' ')[1]}`),
});

/** Resources inside others, by the whole path up to the last id. */
const INNER: Record<string, Resource> = {
  '/api/threads/{}/shares/{}': within(thread, '/threads'),
  '/api/sessions/{}/shares/{}': within(session, '/sessions'),
};

/** By the path up to the id. A new kind of resource has to be added here. */
const RESOURCES: Record<string, Resource> = {
  '/api/threads/{}': thread,
  '/api/messages/{}': message,
  '/api/keys/{}': key,
  '/api/memory/{}': memory,
  '/api/users/{}': userMemory,
  '/api/sessions/{}': session,
  '/api/erasures/{}': erasure,
  '/api/shares/{}': share,
};

/** Bodies where the smallest one that the reference allows would do nothing. */
const BODIES: Record<string, unknown> = {
  'POST /api/threads': { name: 'A thread' },
  'PATCH /api/threads/{}': { name: 'Renamed' },
  'PUT /api/threads/{}': { name: 'Renamed' },
  'POST /api/threads/{}/messages': { role: 'user', content: 'Hello' },
  'POST /api/threads/{}/summaries': { start_turn: 0, end_turn: 2, content: 'Greetings.' },
  'POST /api/threads/{}/summarize': { keep_last: 0, mode: 'replace' },
  'POST /api/threads/{}/truncate': { keep_last: 0 },
  'POST /api/threads/{}/fork': { name: 'Forked' },
  'POST /api/threads/import': { messages: [{ role: 'user', content: 'Hello' }] },
  'POST /api/sessions/import': { messages: [{ role: 'user', content: 'Hello' }] },
  'POST /api/messages': { role: 'user', content: 'Hello' },
  'PATCH /api/messages/{}': { content: 'Edited' },
  'PUT /api/messages/{}': { content: 'Edited' },
  'POST /api/threads/{}/shares': { user_id: 'carol', permission: 'read' },
  'PATCH /api/threads/{}/shares/{}': { permission: 'write' },
  'POST /api/sessions/{}/shares': { user_id: 'carol', permission: 'read' },
  'PATCH /api/sessions/{}/shares/{}': { permission: 'write' },
  'POST /api/erasures': { user_id: 'nobody' },
  'PUT /api/admin/search-language': { language: 'simple' },
  'PUT /api/memory': { memories: { key: 'value' } },
  'PUT /api/memory/{}': { value: 'Saved' },
  'PUT /api/users/{}/memory': { memories: { key: 'value' } },
  'PUT /api/users/{}/memory/{}': { value: 'Saved' },
  'POST /api/sessions': { session_id: 'sample', metadata: { a: 1 } },
  'POST /api/sessions/batch-get': { ids: ['sample'] },
  'PATCH /api/sessions/{}': { title: 'Renamed', system_prompt: 'Be brief.' },
  'PATCH /api/sessions/{}/metadata': { a: 1 },
  'PATCH /api/sessions/{}/variables': { a: 1 },
  'PUT /api/sessions/{}/variables': { a: 1 },
  'POST /api/sessions/{}/messages': { role: 'user', content: 'Hello' },
  'POST /api/sessions/{}/summaries': { start_turn: 0, end_turn: 2, content: 'Greetings.' },
  'POST /api/sessions/{}/summarize': { keep_last: 0, mode: 'replace' },
  'POST /api/sessions/{}/truncate': { keep_last: 0 },
  'POST /api/sessions/{}/fork': {},
  'POST /api/sessions/{}/branch': {},
  'PUT /api/sessions/{}/state': { history: [{ role: 'user', content: 'Saved' }], metadata: { a: 1 } },
};

/** `/api/threads/{id}/messages` -> `/api/threads/{}/messages`. */
const shapeOf = (path: string) => path.replaceAll(/\{\w+\}/g, '{}');

/** The resource of an operation's path id. @throws for a path that nobody has told us how to fill */
export function resourceOf({ method, path, pathParams }: Operation): Resource {
  const shape = shapeOf(path);
  const resource = INNER[shape] ?? RESOURCES[shape.slice(0, shape.indexOf('{}') + 2)];
  if (resource && (pathParams.length === 1 || resource.fillsPath)) return resource;
  throw new Error(`${method} ${path}: test/support/api/resources.ts does not say what its ids name`);
}

/** A body that the operation takes. */
export const bodyOf = (operation: Operation): unknown =>
  BODIES[`${operation.method} ${shapeOf(operation.path)}`] ?? (operation.body && sampleOf(operation.body));

/** A path with its ids filled in; one id stands for all that are not given. */
export const fillPath = (path: string, id: string) => {
  const ids = id.split(' ');
  return path.replaceAll(/\{\w+\}/g, () => ids.shift() ?? id);
};

/** The same of an operation, encoded for `Client`. */
export const pathOf = ({ path }: Operation, id = '') =>
  `/${fillPath(path, id.split(' ').map(encodeURIComponent).join(' '))}`;

/** What a search looks for: what a stranger may not find. */
export const queryOf = ({ path }: Operation): Record<string, string> => (path.endsWith('/search') ? { q: SECRET } : {});
