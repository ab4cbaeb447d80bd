import type { ContextFormat } from '../../../src/context/formats';

/*
 * What the providers' documentation asks of a list of messages, as far as it can be told without the provider.
 */

type Item = Record<string, any>;
type Fail = (problem: string) => void;
type Check = (value: any, fail: Fail) => void;

/** Each rule of the format that the value breaks; none for one that the provider takes. */
export function violationsOf(format: ContextFormat, value: unknown): string[] {
  const violations: string[] = [];
  try {
    rules[format](value, (problem) => violations.push(problem));
  } catch (error) {
    violations.push(`not even in the shape of the format: ${String(error)}`);
  }
  return violations;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isFilled = (value: unknown): value is string => isText(value) && value.trim() !== '';
const isOfLength = (value: unknown, max: number) => isText(value) && value.length >= 1 && value.length <= max;
const FUNCTION_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function onlyKeys(item: Item, keys: string[], at: string, fail: Fail): void {
  for (const key of Object.keys(item)) if (!keys.includes(key)) fail(`${at}: unknown member ${key}`);
}

function isImage(url: unknown): boolean {
  if (!isText(url)) return false;
  return /^data:image\/[\w.+-]+;base64,[A-Za-z0-9+/=]+$/.test(url) || (/^https?:/.test(url) && URL.canParse(url));
}

/**
 * OpenAI chat completions.
 * https://platform.openai.com/docs/api-reference/chat/create (messages: members by role, parts by role, content required
 * unless tool_calls) and https://platform.openai.com/docs/guides/function-calling (each call is answered by a tool
 * message at once). The limits of ids and names are those of the API's errors: string_above_max_length, 40 and 64.
 */
const chat: Check = ({ messages }, fail) => {
  if (messages.length === 0) fail('messages: at least one');
  let open = new Set<string>();
  const close = (at: string) => {
    if (open.size > 0) fail(`${at}: calls without a result: ${[...open].join()}`);
    open = new Set();
  };
  messages.forEach((message: Item, index: number) => {
    const at = `messages.${index}`;
    checkChatMessage(message, at, fail);
    if (message.role !== 'tool') close(at);
    else if (!open.delete(message.tool_call_id)) fail(`${at}: result of no call before it`);
    for (const call of message.tool_calls ?? []) {
      if (open.has(call.id)) fail(`${at}: id of a call twice`);
      open.add(call.id);
    }
  });
  close('at the end');
};

const CHAT_MEMBERS: Record<string, string[]> = {
  system: ['role', 'content', 'name'],
  developer: ['role', 'content', 'name'],
  user: ['role', 'content', 'name'],
  assistant: ['role', 'content', 'name', 'refusal', 'tool_calls'],
  tool: ['role', 'content', 'tool_call_id'],
};
const CHAT_PARTS: Record<string, string[]> = {
  user: ['text', 'image_url', 'input_audio', 'file'],
  assistant: ['text', 'refusal'],
};

function checkChatMessage(message: Item, at: string, fail: Fail): void {
  const { role, content, name = 'absent', tool_calls } = message;
  if (!CHAT_MEMBERS[role]) return fail(`${at}: role ${role}`);
  onlyKeys(message, CHAT_MEMBERS[role], at, fail);
  if (!FUNCTION_NAME.test(name)) fail(`${at}: name ${name}`);
  if (tool_calls?.length === 0) fail(`${at}: empty array of calls`);
  for (const call of tool_calls ?? []) checkChatCall(call, at, fail);
  if (Array.isArray(content)) checkChatParts(content, role, at, fail);
  else if (!isText(content) && !(content === null && tool_calls)) fail(`${at}: no content`);
}

function checkChatParts(parts: Item[], role: string, at: string, fail: Fail): void {
  if (parts.length === 0) fail(`${at}: empty array of parts`);
  for (const part of parts) {
    if (!(CHAT_PARTS[role] ?? ['text']).includes(part.type)) fail(`${at}: part ${part.type} of ${role}`);
    if (part.type === 'text' && !(isText(part.text) && part.text !== '')) fail(`${at}: empty text part`);
    if (part.type === 'image_url' && !isImage(part.image_url.url)) fail(`${at}: image ${part.image_url.url}`);
  }
}

function checkChatCall(call: Item, at: string, fail: Fail): void {
  onlyKeys(call, ['id', 'type', 'function'], at, fail);
  onlyKeys(call.function, ['name', 'arguments'], at, fail);
  if (!isOfLength(call.id, 40)) fail(`${at}: id of a call: ${call.id}`);
  if (call.type !== 'function') fail(`${at}: type of a call: ${call.type}`);
  if (!FUNCTION_NAME.test(call.function.name)) fail(`${at}: name of a function: ${call.function.name}`);
  if (!isText(call.function.arguments)) fail(`${at}: arguments are no text`);
}

/**
 * OpenAI Responses, input items.
 * https://platform.openai.com/docs/api-reference/responses/create (input: messages whose parts are input_* but for the
 * assistant, output_text or refusal; function_call; function_call_output; call_id of 1 to 64 characters) and
 * https://platform.openai.com/docs/guides/function-calling (no output without its call, no call without its output).
 */
const responses: Check = ({ input }, fail) => {
  if (input.length === 0) fail('input: at least one');
  const open = new Set<string>();
  const called = new Set<string>();
  input.forEach((item: Item, index: number) => {
    const at = `input.${index}`;
    if (item.type === 'message') return checkItemMessage(item, at, fail);
    if (item.type === 'function_call') {
      checkItemCall(item, at, fail);
      if (called.has(item.call_id)) fail(`${at}: call_id twice`);
      called.add(item.call_id);
      open.add(item.call_id);
      return;
    }
    if (item.type !== 'function_call_output') return fail(`${at}: type ${item.type}`);
    onlyKeys(item, ['type', 'call_id', 'output', 'id', 'status'], at, fail);
    if (!isText(item.output)) fail(`${at}: output`);
    if (!open.delete(item.call_id)) fail(`${at}: output of no call before it`);
  });
  if (open.size > 0) fail(`at the end: calls without an output: ${[...open].join()}`);
};

const ITEM_PARTS: Record<string, string[]> = {
  user: ['input_text', 'input_image', 'input_file'],
  system: ['input_text'],
  developer: ['input_text'],
  assistant: ['output_text', 'refusal'],
};

function checkItemCall(item: Item, at: string, fail: Fail): void {
  onlyKeys(item, ['type', 'call_id', 'name', 'arguments', 'id', 'status'], at, fail);
  if (!isOfLength(item.call_id, 64)) fail(`${at}: call_id`);
  if (!FUNCTION_NAME.test(item.name)) fail(`${at}: name ${item.name}`);
  if (!isText(item.arguments)) fail(`${at}: arguments are no text`);
}

function checkItemMessage(item: Item, at: string, fail: Fail): void {
  onlyKeys(item, ['type', 'role', 'content'], at, fail);
  if (!ITEM_PARTS[item.role]) return fail(`${at}: role ${item.role}`);
  if (item.content.length === 0) fail(`${at}: no parts`);
  for (const part of item.content) {
    if (!ITEM_PARTS[item.role].includes(part.type)) fail(`${at}: part ${part.type} of ${item.role}`);
    if (/_text$/.test(part.type) && !isText(part.text)) fail(`${at}: text`);
    if (part.type === 'input_image' && !isImage(part.image_url)) fail(`${at}: image`);
    if (part.type === 'input_image' && !['low', 'high', 'auto', 'original'].includes(part.detail))
      fail(`${at}: detail`);
  }
}

/**
 * Anthropic Messages.
 * https://platform.claude.com/docs/en/api/messages (roles, blocks, system apart, the first message is the user's),
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls (results follow their calls at once,
 * all of them in the next user message and before anything else in it) and
 * https://platform.claude.com/docs/en/build-with-claude/vision (image types, base64 or https). That texts must not be
 * blank, that ids are unique and match [a-zA-Z0-9_-]+, and that the last text of an assistant must not end in white
 * space are its invalid_request_errors.
 */
const anthropic: Check = ({ system, messages, ...rest }, fail) => {
  onlyKeys(rest, [], 'body', fail);
  if (system !== undefined && !isFilled(system)) fail('system: blank');
  if (messages.length === 0) fail('messages: at least one');
  if (messages[0]?.role !== 'user') fail('the first message is not of the user');
  const ids = new Set<string>();
  let open: string[] = [];
  messages.forEach((message: Item, index: number) => {
    const at = `messages.${index}`;
    onlyKeys(message, ['role', 'content'], at, fail);
    if (!['user', 'assistant'].includes(message.role)) fail(`${at}: role ${message.role}`);
    if (message.role === messages[index - 1]?.role) fail(`${at}: role twice in a row`);
    if (message.content.length === 0) fail(`${at}: no blocks`);
    const results = message.content.filter(({ type }: Item) => type === 'tool_result');
    const answered = results.map(({ tool_use_id }: Item) => tool_use_id);
    if (open.slice().sort().join() !== answered.slice().sort().join())
      fail(`${at}: answers [${answered.join()}] to the calls [${open.join()}]`);
    if (message.content.slice(0, results.length).some(({ type }: Item) => type !== 'tool_result'))
      fail(`${at}: results are not first`);
    open = [];
    for (const block of message.content) {
      checkBlock(block, message.role, at, fail);
      if (block.type !== 'tool_use') continue;
      if (ids.has(block.id)) fail(`${at}: id of a call twice`);
      ids.add(block.id);
      open.push(block.id);
    }
  });
  if (open.length > 0) fail(`at the end: calls without a result: ${open.join()}`);
  const last = messages.at(-1);
  if (last?.role === 'assistant' && /\s$/.test(last.content.at(-1).text ?? '')) fail('the end is white space');
};

const BLOCKS: Record<string, string[]> = {
  user: ['text', 'image', 'document', 'tool_result'],
  assistant: ['text', 'tool_use'],
  result: ['text', 'image', 'document'],
};

function checkBlock(block: Item, role: string, at: string, fail: Fail): void {
  if (!BLOCKS[role].includes(block.type)) return fail(`${at}: block ${block.type} of ${role}`);
  blockRules[block.type](block, at, fail);
}

const blockRules: Record<string, (block: Item, at: string, fail: Fail) => void> = {
  text(block, at, fail) {
    onlyKeys(block, ['type', 'text'], at, fail);
    if (!isFilled(block.text)) fail(`${at}: blank text`);
  },
  image: ({ source }, at, fail) => {
    if (!isSource(source, /^image\/(jpeg|png|gif|webp)$/)) fail(`${at}: source of an image`);
  },
  document: ({ source }, at, fail) => {
    if (!isSource(source, /^application\/pdf$/)) fail(`${at}: source of a document`);
  },
  tool_use(block, at, fail) {
    onlyKeys(block, ['type', 'id', 'name', 'input'], at, fail);
    if (!/^[a-zA-Z0-9_-]+$/.test(block.id)) fail(`${at}: id ${block.id}`);
    if (!FUNCTION_NAME.test(block.name)) fail(`${at}: name ${block.name}`);
    if (typeof block.input !== 'object' || block.input === null || Array.isArray(block.input)) fail(`${at}: input`);
  },
  tool_result(block, at, fail) {
    onlyKeys(block, ['type', 'tool_use_id', 'content', 'is_error'], at, fail);
    if (Array.isArray(block.content)) for (const inner of block.content) checkBlock(inner, 'result', at, fail);
    else if (block.content !== undefined && !isFilled(block.content)) fail(`${at}: blank result`);
  },
};

function isSource({ type, url, media_type, data }: Item, types: RegExp): boolean {
  return type === 'url' ? /^https:\/\//.test(url) : type === 'base64' && types.test(media_type) && isFilled(data);
}

/**
 * UIMessages of the `ai` package, version 7.
 * https://ai-sdk.dev/v7/docs/reference/ai-sdk-core/ui-message and .../validate-ui-messages (which the tests call too):
 * at least one message and one part each, tool parts by state. https://ai-sdk.dev/v7/docs/reference/ai-sdk-core/generate-text:
 * system messages are not allowed among the messages.
 */
const aiSdk: Check = ({ system, messages, ...rest }, fail) => {
  onlyKeys(rest, [], 'body', fail);
  if (system !== undefined && !isFilled(system)) fail('system: blank');
  if (messages.length === 0) fail('messages: at least one');
  const ids = new Set<string>();
  const calls = new Set<string>();
  messages.forEach((message: Item, index: number) => {
    const at = `messages.${index}`;
    onlyKeys(message, ['id', 'role', 'metadata', 'parts'], at, fail);
    if (!isText(message.id) || ids.has(message.id)) fail(`${at}: id ${message.id}`);
    ids.add(message.id);
    if (!['user', 'assistant'].includes(message.role)) fail(`${at}: role ${message.role}`);
    if (message.parts.length === 0) fail(`${at}: no parts`);
    for (const part of message.parts) {
      checkUiPart(part, message.role, at, fail);
      if (part.type !== 'dynamic-tool') continue;
      if (calls.has(part.toolCallId)) fail(`${at}: id of a call twice`);
      calls.add(part.toolCallId);
    }
  });
};

function checkUiPart(part: Item, role: string, at: string, fail: Fail): void {
  if (part.type === 'dynamic-tool') {
    if (role !== 'assistant') fail(`${at}: call of ${role}`);
    if (!isFilled(part.toolName)) fail(`${at}: toolName`);
    if (!['input-available', 'output-available', 'output-error'].includes(part.state)) fail(`${at}: ${part.state}`);
    if ('output' in part !== (part.state === 'output-available')) fail(`${at}: output of ${part.state}`);
    if ('errorText' in part !== (part.state === 'output-error')) fail(`${at}: errorText of ${part.state}`);
  } else if (part.type === 'file') {
    if (!isText(part.mediaType) || !URL.canParse(part.url)) fail(`${at}: file`);
  } else if (part.type !== 'text' || !isText(part.text)) fail(`${at}: part ${part.type}`);
}

const rules: Record<ContextFormat, Check> = { chat, responses, anthropic, 'ai-sdk': aiSdk };
