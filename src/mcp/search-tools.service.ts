import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Principal } from '../organizations';
import { type FoundMessage, MessageSearchService, type SearchMessagesQuery } from '../search';
import { checkSessionId } from '../threads';
import { defineTool, idField, type Tool } from './tool';

const ROLES = ['user', 'assistant', 'system', 'developer', 'tool'] as const;

const searchInput = z
  .strictObject({
    query: z
      .string()
      .min(1)
      .max(1000)
      .describe('Words to look for, such as "hotel in Kyoto"; "in quotes" next to each other, -word for without it.'),
    limit: z.int().min(1).max(100).optional().describe('At most this many matches; 10 if left out.'),
    thread_id: z.guid().optional().describe('Only in this thread.'),
    session_id: idField('Only in this session of the user. Not together with thread_id.').optional(),
    role: z.enum(ROLES).optional().describe('Only what this role said.'),
    from: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('Only messages stored at this time (ISO 8601) or later.'),
    to: z.iso.datetime({ offset: true }).optional().describe('Only messages stored before this time (ISO 8601).'),
    cursor: z.string().min(1).max(2000).optional().describe('next_cursor of the page before.'),
  })
  .refine(({ thread_id, session_id }) => thread_id === undefined || session_id === undefined, {
    path: ['session_id'],
    message: 'give thread_id or session_id, and not both',
  });

const MATCHES = 10;

/** The tool that finds what was said, on the service of `/api/messages/search`, in the caller's own threads. */
@Injectable()
export class SearchTools {
  readonly tools: readonly Tool[] = [this.searching()];

  constructor(private readonly finder: MessageSearchService) {}

  private searching(): Tool {
    return defineTool(
      {
        name: 'search_conversations',
        title: 'Search conversations',
        description:
          "Finds earlier messages by their words, in all of the user's own stored conversations; never in what others share " +
          'with the user. Use it when the user refers to ' +
          'something that was said before and is not in front of you; then get_context with the thread_id or session_id of a ' +
          'match shows what was around it. Returns data, the best matches first: id, thread_id, session_id, thread_name, seq, ' +
          'role, created_at, score and snippet (the place in the message, hits in <mark>, HTML-escaped); has_more and ' +
          'next_cursor. An empty list means that nothing matches.',
        input: searchInput,
        annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
        permissions: ['messages:read', 'sessions:read'],
      },
      (principal, input) => this.search(principal, input),
    );
  }

  private async search(principal: Principal, { query, cursor, ...filters }: z.output<typeof searchInput>) {
    if (filters.session_id !== undefined) checkSessionId(filters.session_id);
    const request: SearchMessagesQuery = { limit: MATCHES, ...filters, q: query, after: cursor };
    const { data, ...page } = await this.finder.ask(principal, request);
    return { ...page, data: data.map(toMatch) };
  }
}

/** Where it is and how it matches; the whole message may be long. */
const toMatch = ({ id, thread_id, session_id, thread_name, seq, role, created_at, score, snippet }: FoundMessage) => ({
  id,
  thread_id,
  session_id,
  thread_name,
  seq,
  role,
  created_at,
  score,
  snippet,
});
