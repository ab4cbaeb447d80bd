import { type Operation, sampleOf } from './openapi';
import type { Client } from './client';

/** What a path id names: how to make one, and how to get rid of it. */
export interface Resource {
  /** Whose eyes it is for: one user's, or those of every admin of the organization. */
  readonly scope: 'user' | 'organization';
  create(owner: Client): Promise<string>;
  remove(owner: Client, id: string): Promise<unknown>;
}

export const SECRET = 'nobody-else-may-read-this';

const thread: Resource = {
  scope: 'user',
  create: async (owner) => {
    const { id } = await owner.createThread(SECRET, { metadata: { note: SECRET } });
    await owner.addMessage(id, SECRET);
    return id;
  },
  remove: (owner, id) => owner.delete(`/threads/${id}`),
};

const message: Resource = {
  scope: 'user',
  create: async (owner) => (await owner.addMessage((await owner.createThread(SECRET)).id, SECRET)).id,
  remove: (owner, id) => owner.delete(`/messages/${id}`),
};

const key: Resource = {
  scope: 'organization',
  create: async (owner) => (await owner.post('/keys', { name: SECRET, role: 'member', user_id: 'alice' })).body.id,
  remove: (owner, id) => owner.delete(`/keys/${id}`),
};

/** By the path up to the id. A new kind of resource has to be added here. */
const RESOURCES: Record<string, Resource> = {
  '/api/threads/{}': thread,
  '/api/messages/{}': message,
  '/api/keys/{}': key,
};

/** Bodies where the smallest one that the reference allows would do nothing. */
const BODIES: Record<string, unknown> = {
  'POST /api/threads': { name: 'A thread' },
  'PATCH /api/threads/{}': { name: 'Renamed' },
  'PUT /api/threads/{}': { name: 'Renamed' },
  'POST /api/threads/{}/messages': { role: 'user', content: 'Hello' },
  'POST /api/messages': { role: 'user', content: 'Hello' },
  'PATCH /api/messages/{}': { content: 'Edited' },
  'PUT /api/messages/{}': { content: 'Edited' },
};

/** `/api/threads/{id}/messages` -> `/api/threads/{}/messages`. */
const shapeOf = (path: string) => path.replaceAll(/\{\w+\}/g, '{}');

/** The resource of an operation's path id. @throws for a path that nobody has told us how to fill */
export function resourceOf({ method, path, pathParams }: Operation): Resource {
  const shape = shapeOf(path);
  const resource = RESOURCES[shape.slice(0, shape.indexOf('{}') + 2)];
  if (resource && pathParams.length === 1) return resource;
  throw new Error(`${method} ${path}: test/support/resources.ts does not say what its ids name`);
}

/** A body that the operation takes. */
export const bodyOf = (operation: Operation): unknown =>
  BODIES[`${operation.method} ${shapeOf(operation.path)}`] ?? (operation.body && sampleOf(operation.body));

/** The path with its ids filled in, for `Client`. */
export const pathOf = (operation: Operation, id = '') =>
  `/${operation.path.replaceAll(/\{\w+\}/g, encodeURIComponent(id))}`;
