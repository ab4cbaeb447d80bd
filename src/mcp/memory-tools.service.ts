import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Json } from '../common/json';
import { MemoryService } from '../memory';
import { defineTool, idField, sessionScope, type Tool } from './tool';

const KEY = 'Name of the fact, 1 to 255 characters, such as "diet" or "project.deadline".';
const MEMORY_READ = ['memory:read'] as const;
const MEMORY_WRITE = ['memory:write'] as const;
const READING = { readOnlyHint: true, destructiveHint: false, idempotentHint: true };

/** Said kind by kind: a client that is told nothing of a value's type tends to send it as a text. */
const anyJson = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.unknown()),
  z.record(z.string(), z.unknown()),
]);

/** The tools that keep facts, on the services of `/api/memory`. */
@Injectable()
export class MemoryTools {
  readonly tools: readonly Tool[] = [this.saving(), this.getting(), this.listing(), this.searching(), this.deleting()];

  constructor(private readonly memory: MemoryService) {}

  private saving(): Tool {
    return defineTool(
      {
        name: 'save_memory',
        title: 'Save a memory',
        description:
          'Remembers a fact for later conversations: a preference, a decision, a name, a state of things. Use it when the ' +
          'user says something worth knowing next time, or asks you to remember it. One key holds one value: saving a key ' +
          'again replaces its value and its lifetime. Returns the memory with its version, which rises with every save.',
        input: z.strictObject({
          key: idField(KEY),
          value: anyJson.describe('The fact, as any JSON: text, number, true or false, null, list or object.'),
          session_id: sessionScope,
          ttl_seconds: z
            .int()
            .min(1)
            .max(3_155_760_000)
            .optional()
            .describe('Forget it after this many seconds. Leave it out to keep it.'),
        }),
        // Earlier values stay in the history of the key.
        annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
        permissions: MEMORY_WRITE,
      },
      (principal, { key, value, ...options }) => this.memory.put(principal, key, { ...options, value: value as Json }),
    );
  }

  private getting(): Tool {
    return defineTool(
      {
        name: 'get_memory',
        title: 'Get a memory',
        description:
          'Reads one remembered fact by its exact key. Use it when you know the key; use search_memory when you know only ' +
          'what it is about, and list_memories to see which keys there are. Returns the memory with value, version and ' +
          'times; the error MEMORY_NOT_FOUND means that nothing is saved under the key.',
        input: z.strictObject({ key: idField(KEY), session_id: sessionScope }),
        annotations: READING,
        permissions: MEMORY_READ,
      },
      (principal, { key, session_id }) => this.memory.get(principal, key, session_id),
    );
  }

  private listing(): Tool {
    return defineTool(
      {
        name: 'list_memories',
        title: 'List memories',
        description:
          'Lists remembered facts in the order of their keys, a page at a time. Use it at the start of a conversation to ' +
          'learn what is known. Returns data (the memories), has_more, and next_cursor for the next page.',
        input: z.strictObject({
          prefix: idField('Only keys that begin with this, such as "project.".').optional(),
          session_id: sessionScope,
          include_user: z
            .boolean()
            .optional()
            .describe("With session_id: the user's memories too. Where both have a key, the session's counts."),
          limit: z.int().min(1).max(1000).optional().describe('Memories a page; 100 if left out.'),
          cursor: z.string().min(1).max(2000).optional().describe('next_cursor of the page before.'),
        }),
        annotations: READING,
        permissions: MEMORY_READ,
      },
      (principal, { include_user, cursor, ...query }) =>
        this.memory.list(principal, { ...query, after: cursor, include_user: include_user ? 'true' : undefined }),
    );
  }

  private searching(): Tool {
    return defineTool(
      {
        name: 'search_memory',
        title: 'Search memories',
        description:
          'Finds remembered facts by words in their keys and values. Use it when a question may touch something that was ' +
          'remembered earlier and you do not know its key. Returns data: the best matches first, each with key, value and ' +
          'score (higher is better); an empty list means that nothing matches.',
        input: z.strictObject({
          query: z.string().min(1).max(1000).describe('Words to look for, such as "food allergies".'),
          limit: z.int().min(1).max(100).optional().describe('At most this many matches; 10 if left out.'),
          session_id: sessionScope,
        }),
        annotations: READING,
        permissions: MEMORY_READ,
      },
      (principal, { query, ...options }) => this.memory.search(principal, { ...options, q: query }),
    );
  }

  private deleting(): Tool {
    return defineTool(
      {
        name: 'delete_memory',
        title: 'Delete a memory',
        description:
          'Forgets one fact for good, with its earlier values. Use it when the user asks to forget something, or when it ' +
          'is wrong and nothing replaces it. Returns deleted: true; the error MEMORY_NOT_FOUND means that it was not there.',
        input: z.strictObject({ key: idField(KEY), session_id: sessionScope }),
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
        permissions: MEMORY_WRITE,
      },
      (principal, { key, session_id }) => this.memory.delete(principal, key, session_id),
    );
  }
}
