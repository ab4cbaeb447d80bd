import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Principal } from '../organizations';
import { ContextService } from '../context';
import { validateAs } from '../http/request/validation.pipe';
import { AppendMessages, type AppendResult, AppendService, type MessageRole } from '../messages';
import { bySession, byThread, checkSessionId } from '../threads';
import { SessionMessagesService } from '../sessions';
import { defineTool, idField, type Tool } from './tool';

const ROLES = ['user', 'assistant', 'system', 'developer', 'tool'] as const satisfies MessageRole[];
const jsonObject = z.record(z.string(), z.unknown());

/** What a model should know of a message. The rules are those of REST, and are checked there; it may have more members. */
const message = z.looseObject({
  id: z.guid().optional().describe('A UUID of your own. With it, sending the same message again stores it once.'),
  role: z.enum(ROLES).describe('Who speaks.'),
  content: z
    .union([z.string(), jsonObject, z.array(jsonObject)])
    .nullish()
    .describe(
      'The text; or one part or a list of parts such as {"type": "text", "text": "…"}. null beside tool_calls.',
    ),
  tool_calls: z
    .array(
      z.looseObject({
        id: z.string().describe('Id of the call, which its result names.'),
        type: z.string().optional().describe('"function" if left out.'),
        function: z.looseObject({ name: z.string(), arguments: z.string().describe('JSON text; kept as it is.') }),
      }),
    )
    .nullish()
    .describe("An assistant's calls of tools."),
  tool_call_id: z.string().nullish().describe('For role tool: the call that this message answers.'),
  name: z.string().nullish().describe('Name of the tool or of the participant.'),
  metadata: jsonObject.optional().describe('Anything else to keep with the message.'),
});

const appendInput = z
  .strictObject({
    thread_id: idField('The thread to append to; it must exist. Either this or session_id.').optional(),
    session_id: idField('The session to append to; it is made if it does not exist. Or thread_id.').optional(),
    messages: z.array(message).min(1).describe('The messages in order, at most 1000: all are stored or none.'),
  })
  .refine(({ thread_id, session_id }) => (thread_id === undefined) !== (session_id === undefined), {
    path: ['thread_id'],
    message: 'give either thread_id or session_id, and not both',
  });

/** Messages of a context, where a model does not say. */
const WINDOW = 20;

const contextInput = z
  .strictObject({
    thread_id: idField('The thread. Either this or session_id.').optional(),
    session_id: idField('The session. Or thread_id.').optional(),
    window: z.int().min(1).max(1000).optional().describe('At most this many messages; 20 if left out.'),
    token_budget: z
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .describe("At most this many tokens; the session's own limit if left out."),
    question: z
      .string()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('What the user asks now: it stands last, and facts of the user are added. Nothing is stored.'),
    top_k: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe(
        'So many older messages that share words with the question, besides the newest; with a session also of others.',
      ),
  })
  .refine(({ thread_id, session_id }) => (thread_id === undefined) !== (session_id === undefined), {
    path: ['session_id'],
    message: 'give either thread_id or session_id, and not both',
  });

/** The tools that write conversations and read them, on the services of `/api/threads` and `/api/sessions`. */
@Injectable()
export class ConversationTools {
  readonly tools: readonly Tool[] = [this.append(), this.context()];

  constructor(
    private readonly threads: AppendService,
    private readonly sessions: SessionMessagesService,
    private readonly contexts: ContextService,
  ) {}

  private append(): Tool {
    return defineTool(
      {
        name: 'append_messages',
        title: 'Append messages',
        description:
          'Adds messages to the end of a stored conversation, which is a thread or a session. Use it to keep what was said ' +
          'so that it can be picked up later. Give every message an id of its own (a UUID): then the call may be sent again ' +
          'after a timeout without storing anything twice. Returns the id and the number (seq) of each message, total (the ' +
          'messages of the conversation now), and created: false if all of them had been stored before.',
        input: appendInput,
        annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
        permissions: ['messages:write', 'sessions:write'],
      },
      async (principal, input) => withoutEcho(await this.store(principal, input)),
    );
  }

  private context(): Tool {
    return defineTool(
      {
        name: 'get_context',
        title: 'Get the context of a conversation',
        description:
          'Reads what a model needs to go on with a stored conversation, a session or a thread, within a token budget, in the ' +
          'form of chat messages: instructions, summaries of what is long past, and the newest messages. Use it to pick up an ' +
          'earlier conversation. Returns messages (oldest first), token_count, total (the messages of the whole ' +
          'conversation), warnings, and truncated: true if the budget left some out.',
        input: contextInput,
        annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
        permissions: ['sessions:read', 'threads:read'],
      },
      (principal, { session_id, thread_id, ...request }) =>
        this.contexts.of(principal, targetOf(session_id, thread_id), { window: WINDOW, ...request }),
    );
  }

  private store(principal: Principal, { thread_id, session_id, messages }: z.output<typeof appendInput>) {
    const body = validateAs(AppendMessages, { messages }, 'body') as AppendMessages;
    return session_id === undefined
      ? this.threads.append(principal, String(thread_id), body)
      : this.sessions.append(principal, bySession(checkSessionId(session_id)), body, {});
  }
}

const targetOf = (sessionId: string | undefined, threadId: unknown) =>
  sessionId === undefined ? byThread(String(threadId)) : bySession(checkSessionId(sessionId));

/** Where the messages are now; the model has just sent what is in them. */
function withoutEcho({ created, answer }: AppendResult): object {
  const { data, ...counts } = answer as { data: { id: string; thread_id: string; seq: number }[] };
  return { created, ...counts, data: data.map(({ id, thread_id, seq }) => ({ id, thread_id, seq })) };
}
