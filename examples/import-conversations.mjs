#!/usr/bin/env node
/**
 * Posts the conversations of a JSONL file to a Throughline server: one thread a line, its messages as they are.
 *
 *     node examples/import-conversations.mjs FILE.jsonl [--url http://127.0.0.1:8000] [--key tl_…]
 *
 * A line is `{ "id": "…", "messages": [{ "role": "user", "content": "…" }, …] }`, the messages in the form of OpenAI's
 * chat completions. Running it again adds nothing twice, also after a crash in the middle: every thread and every
 * message has an id that follows from the file's content.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const AT_ONCE = 4;
const BATCH = 1000;
/** A tenth below the server's own limit on a body. */
const BATCH_BYTES = 9 * 1024 * 1024;
const ATTEMPTS = 8;
const MESSAGE_FIELDS = ['role', 'content', 'tool_calls', 'tool_call_id', 'name'];
const MAY_PASS = new Set([429, 502, 503, 504]);

const sha256 = (...parts) => createHash('sha256').update(parts.join('\n')).digest();

/** A UUID of version 8, "custom", out of a hash: the same message has the same id in every run. */
function uuidOf(...parts) {
  const bytes = sha256(...parts).subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A failure that the person at the keyboard can do something about: shown without a stack. */
class ImportError extends Error {}

class Api {
  constructor(url, key) {
    this.root = new URL('/api', url).href;
    this.headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  }

  /** Tries again what may pass: nothing here happens twice, thanks to the ids. */
  async post(path, body, headers = {}) {
    const request = { method: 'POST', headers: { ...this.headers, ...headers }, body: JSON.stringify(body) };
    for (let attempt = 1; ; attempt += 1) {
      const { answer, problem } = await this.attempt(path, request);
      if (answer) return answer;
      if (!problem.mayPass || attempt === ATTEMPTS) throw new ImportError(problem.text);
      await sleep(Math.min(250 * 2 ** attempt, 5000) * (0.5 + Math.random() / 2));
    }
  }

  async attempt(path, request) {
    try {
      const response = await fetch(this.root + path, { ...request, signal: AbortSignal.timeout(60_000) });
      const body = await response.json().catch(() => ({}));
      if (response.ok) return { answer: body };
      // A request that was cut off may still be running under its key.
      const mayPass = MAY_PASS.has(response.status) || /IN_PROGRESS/.test(body.code ?? '');
      return { problem: { mayPass, text: `${response.status} ${body.code ?? ''}: ${describe(body)}` } };
    } catch (error) {
      const reason = error.cause?.code ?? error.cause?.message ?? error.message;
      return { problem: { mayPass: true, text: `no answer from ${this.root} (${reason})` } };
    }
  }
}

function describe({ detail = 'no detail', errors = [] }) {
  return [detail, ...errors.slice(0, 3).map(({ message }) => message)].join(' ');
}

function readConversation(text, line) {
  let conversation;
  try {
    conversation = JSON.parse(text);
  } catch (error) {
    throw new ImportError(`line ${line} is not JSON: ${error.message}`);
  }
  const { id, messages } = conversation ?? {};
  if (typeof id !== 'string' || id.trim() === '') throw new ImportError(`line ${line} has no id`);
  if (!Array.isArray(messages)) throw new ImportError(`line ${line} has no array of messages`);
  return { line, id, messages };
}

async function readConversations(file) {
  const content = await readFile(file, 'utf8').catch((error) => {
    throw new ImportError(`cannot read ${file}: ${error.message}`);
  });
  const lines = content.split('\n').map((text, index) => ({ text, line: index + 1 }));
  const conversations = lines.filter(({ text }) => text.trim()).map(({ text, line }) => readConversation(text, line));
  return { conversations, fileHash: sha256(content).toString('hex') };
}

/** Absent fields stay absent, and null stays null. */
const toMessage = (message, id) => ({
  id,
  ...Object.fromEntries(
    MESSAGE_FIELDS.filter((name) => message[name] !== undefined).map((name) => [name, message[name]]),
  ),
});

/** Batches of at most 1000 messages and 9 MB. */
function* batches(messages) {
  let [batch, bytes] = [[], 0];
  for (const message of messages) {
    const size = Buffer.byteLength(JSON.stringify(message));
    if (batch.length === BATCH || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(message);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

async function importConversation(api, fileHash, { line, id, messages }, progress) {
  try {
    // The line too: a file may hold one id twice.
    const key = sha256(fileHash, line, id).toString('hex');
    const body = { name: id.slice(0, 255), metadata: { source_id: id } };
    const thread = await api.post('/threads', body, { 'idempotency-key': key });
    const numbered = messages.map((message, index) => toMessage(message ?? {}, uuidOf(fileHash, line, index)));
    for (const batch of batches(numbered)) {
      await api.post(`/threads/${thread.id}/messages`, { messages: batch });
      progress.addMessages(batch.length);
    }
    progress.addConversation();
  } catch (error) {
    if (error instanceof ImportError) throw new ImportError(`line ${line} (${id}): ${error.message}`);
    throw error;
  }
}

/** A bar in a terminal; a line for every tenth of the way elsewhere. On stderr: stdout holds only the summary. */
class Progress {
  conversations = 0;
  messages = 0;

  constructor(total) {
    this.total = total;
    this.step = Math.max(1, Math.ceil(total / 10));
  }

  addMessages(count) {
    this.messages += count;
    if (process.stderr.isTTY) this.draw();
  }

  addConversation() {
    this.conversations += 1;
    const isDue = this.conversations % this.step === 0 || this.conversations === this.total;
    if (process.stderr.isTTY) this.draw();
    else if (isDue) process.stderr.write(`${this.text()}\n`);
  }

  draw() {
    const width = 30;
    const done = this.total === 0 ? width : Math.floor((this.conversations / this.total) * width);
    process.stderr.write(`\r[${'#'.repeat(done)}${'.'.repeat(width - done)}] ${this.text()}`);
  }

  text() {
    return `${this.conversations}/${this.total} conversations, ${this.messages} messages`;
  }

  end() {
    if (process.stderr.isTTY) process.stderr.write('\n');
  }
}

/** A few workers that take from one list. The first failure stops the others after what they are doing. */
async function forEachOf(items, work) {
  const queue = items.values();
  let failure;
  const worker = async () => {
    for (const item of queue) {
      if (failure) return;
      await work(item).catch((error) => (failure ??= error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failure) throw failure;
}

function readArguments() {
  const usage = 'usage: import-conversations.mjs FILE.jsonl [--url http://127.0.0.1:8000] [--key tl_…]';
  try {
    const options = {
      url: { type: 'string', default: process.env.BASE_URL ?? 'http://127.0.0.1:8000' },
      key: { type: 'string' },
    };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length === 1 && URL.canParse(values.url)) return { file: positionals[0], ...values };
  } catch (error) {
    throw new ImportError(`${error.message}\n${usage}`);
  }
  throw new ImportError(usage);
}

async function main() {
  const { file, url, key } = readArguments();
  const { conversations, fileHash } = await readConversations(file);
  const progress = new Progress(conversations.length);
  try {
    const api = new Api(url, key);
    await forEachOf(conversations, (conversation) => importConversation(api, fileHash, conversation, progress));
  } finally {
    progress.end();
  }
  console.log(JSON.stringify({ conversations: progress.conversations, messages: progress.messages }));
}

main().catch((error) => {
  console.error(error instanceof ImportError ? `Import failed: ${error.message}` : error);
  process.exitCode = 1;
});
