import { errorCodes } from '../../common/errors';

const CONVENTIONS = `
Conversation state for LLM applications and agents: threads, messages, sessions and memory, in PostgreSQL, for many
organizations.

**First call.** On a laptop, with the embedded database, no key is needed; anywhere else, add
\`-H "Authorization: Bearer $KEY"\`. A session is made by its first message:

\`\`\`sh
curl localhost:8000/api/sessions/trip-to-tokyo/messages -H 'content-type: application/json' \\
  -d '{"role": "user", "content": "When do the cherries bloom in Tokyo?"}'
curl localhost:8000/api/sessions/trip-to-tokyo/context
\`\`\`

**Identity.** \`Authorization: Bearer <API key or JSON Web Token>\`. A key or token belongs to one organization, and sees
nothing of any other. Role \`member\` is one user; \`admin\` sees the whole organization; \`service\` acts for the user that
\`X-User-Id\` names. What a caller may not see is answered with 404, as what does not exist.

**Form.** JSON in \`snake_case\`, times as ISO-8601 in UTC with milliseconds. An unknown field or query parameter is 400.

**Lists.** \`limit\` (0 to 1000), \`after\` (the \`next_cursor\` of the page before) or \`offset\`, and \`order\`. The answer is
\`{ data, has_more, next_cursor }\`, with \`total\` where it is known or asked for.

**Errors.** \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, \`code\`, \`request_id\`, and for a
request that is not valid \`errors\` by field. Programs go by \`code\`. \`X-Request-Id\` is taken from the request, or made, and
answered always.

**Sessions.** A session is a thread under an id of your own: 1 to 255 characters, no control characters, unique for each
user. A message, a saved state, a question to the agent, a memory saved for it and \`POST /api/sessions\` make a session that
is not there; every other route answers 404. A session lives until it is deleted. Those with a \`notebook_id\` expire 24 hours
after their last write (SESSION_MAX_AGE_HOURS), all with SESSION_TTL_SECONDS: \`expires_at\` says when. Then the thread is in its
owner's trash, and the id begins anew. Too many active ones of notebooks sleep, and wake when they are read or written.

**Authors.** \`created_by\` of a message is the user whose credentials wrote it, as the server knows it; \`sender_id\` is the caller's
word, in which a member may name only themself.

**Versions.** A thread, a session and a memory carry \`version\`, also as \`ETag\`. \`If-Match\` that fails is 412;
\`version\` in a body that fails is 409. A list of a thread's messages carries that version too, and answers \`If-None-Match\`
with 304 while it is the same.

**Retries.** A message may bring its own \`id\` (a UUID): the same id and body again is the same message. Every other POST
that stores something takes \`Idempotency-Key\`: the same key and body is answered as the first time, the same key with another body is 422. 503
carries \`Retry-After\`.
`;

/** The conventions that hold for every route, after the first call. */
export const describeApi = () => CONVENTIONS.trim();

/** The groups of operations, in the order of a reader's interest. */
export const TAGS = [
  ['threads', 'Conversations, by ids of the server.'],
  ['messages', 'What was said, in order; also edited, undone and in the trash.'],
  ['sessions', 'Conversations under ids of your own.'],
  ['context', 'The part of a conversation that fits into a model.'],
  ['memory', 'JSON facts of a user or a session.'],
  ['search', 'Messages by their words.'],
  ['state', 'A conversation as one document.'],
  ['summaries', 'Short for what is too long.'],
  ['agent', 'A question and its answer in one request.'],
  ['shares', 'Who else may see a conversation.'],
  ['keys', 'API keys of the organization.'],
  ['erasures', 'Everything of a user or an organization, gone, with a receipt.'],
  ['admin', 'For operators.'],
  ['health', 'Probes and metrics.'],
];

/** A table of every error code of every feature: the last thing that a reader needs. */
export function describeErrors(): string {
  const rows = [...errorCodes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { status, example }]) => `| \`${code}\` | ${status} | ${example.replaceAll('|', '\\|')} |`);
  return `Error codes.\n\n| code | status | detail |\n|---|---|---|\n${rows.join('\n')}\n`;
}
