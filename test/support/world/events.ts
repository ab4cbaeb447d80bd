import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Client } from './client';

/** One server-sent event, its data parsed. */
export interface ServerEvent {
  event: string;
  data: any;
  id?: string;
}

/** The events of a body of `text/event-stream`, oldest first; comments are left out. */
export const parseEvents = (text: string): ServerEvent[] =>
  [...text.matchAll(/^(?:id: (.*)\n)?event: (.*)\ndata: (.*)\n\n/gm)].map(([, id, event, data]) => ({
    event,
    data: JSON.parse(data),
    id,
  }));

/**
 * A turn of the agent as a stream that the caller may leave half-way.
 *
 *     const stream = openStream(alice, app.url, body);
 *     await stream.waitFor('delta');                       // everything up to the first event of that name
 *     stream.leave();
 */
export class EventStream {
  private text = '';
  private readonly decoder = new TextDecoder();

  constructor(private readonly request: ClientRequest) {
    // Leaving is an error of the connection.
    request.on('error', () => undefined);
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.on('data', (bytes: Buffer) => (this.text += this.decoder.decode(bytes, { stream: true })));
    });
  }

  /** Events that have come so far. */
  get events(): ServerEvent[] {
    return parseEvents(this.text);
  }

  /** Whether the server has begun to answer. */
  get isHeard(): boolean {
    return this.text !== '';
  }

  /** Waits until an event of this name has come. */
  async waitFor(name: string): Promise<ServerEvent[]> {
    await eventually(() => this.events.some(({ event }) => event === name));
    return this.events;
  }

  /** Goes away, as a closed tab does. */
  leave(): void {
    this.request.destroy();
  }
}

/** Over a connection of its own. */
export function openStream(client: Client, url: string, body: object): EventStream {
  const headers = { ...client.headers, accept: 'text/event-stream', 'content-type': 'application/json' };
  const call = request(`${url}/api/agent/quick`, { method: 'POST', headers, agent: false });
  call.end(JSON.stringify(body));
  return new EventStream(call);
}

/**
 * A client that follows a thread, or hears a replay.
 *
 *     const live = follow(alice, app.url, `/threads/${id}/events`);
 *     await live.until(() => live.named('appended').length === 3);
 *     live.leave();
 *     follow(alice, other.url, path, { lastEventId: live.lastEventId });     // goes on behind it
 */
export class LiveConnection {
  readonly events: ServerEvent[] = [];
  lastEventId?: string;
  status?: number;
  headers: Record<string, unknown> = {};
  /** Of an answer that is no stream. */
  body?: any;
  /** Whether the answer is over, one way or another. */
  closed = false;
  private text = '';
  private response?: IncomingMessage;

  constructor(private readonly request: ClientRequest) {
    const close = () => (this.closed = true);
    request.on('error', close);
    request.on('response', (response) => this.read(response.setEncoding('utf8')));
    request.on('close', close);
  }

  named(name: string): any[] {
    return this.events.filter(({ event }) => event === name).map(({ data }) => data);
  }

  /** Waits for a condition; fails with what has come so far. */
  async until(condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    await eventually(() => condition() || this.closed, timeoutMs).catch((error: Error) => {
      const last = this.events.slice(-3).map((event) => JSON.stringify(event).slice(0, 300));
      throw new Error(`${error.message}\n${this.status} ${this.events.length} events, the last: ${last.join('\n')}`);
    });
    if (!condition()) throw new Error(`The stream is over: ${this.status} ${JSON.stringify(this.body)}`);
  }

  /** Takes nothing more from the connection. */
  pause(): void {
    this.response?.pause();
  }

  resume(): void {
    this.response?.resume();
  }

  leave(): void {
    this.request.destroy();
  }

  private read(response: IncomingMessage): void {
    this.response = response;
    this.status = response.statusCode;
    this.headers = response.headers;
    response.on('error', () => undefined);
    response.on('close', () => (this.closed = true));
    response.on('data', (text: string) => this.take(text));
    response.on('end', () => {
      if (this.status !== 200) this.body = JSON.parse(this.text);
    });
  }

  private take(text: string): void {
    this.text += text;
    if (this.status !== 200) return;
    const blocks = this.text.split('\n\n');
    this.text = blocks.pop()!;
    for (const block of blocks) this.dispatch(new Map(block.split('\n').map(fieldOf)));
  }

  /** As the standard has it: an id counts also without an event. */
  private dispatch(fields: Map<string, string>): void {
    const id = fields.get('id');
    if (id !== undefined) this.lastEventId = id;
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event !== undefined && data !== undefined) this.events.push({ event, data: JSON.parse(data), id });
  }
}

const fieldOf = (line: string): [string, string] => {
  const [, name, value] = /^([^:]*): ?(.*)$/.exec(line) ?? ['', line, ''];
  return [name, value];
};

/** Opens a stream over a connection of its own. */
export function follow(
  client: Client,
  url: string,
  path: string,
  { lastEventId, paused = false }: { lastEventId?: string; paused?: boolean } = {},
): LiveConnection {
  const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const headers = { accept: 'text/event-stream', ...client.headers, ...resume };
  const call = request(`${url}/api${path}`, { headers, agent: false });
  const connection = new LiveConnection(call);
  if (paused) call.on('response', () => connection.pause());
  call.end();
  return connection;
}

/** Asks again and again until the answer is yes, or fails the test. */
export async function eventually(condition: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
