import { type ClientRequest, request } from 'node:http';
import type { Client } from './client';

/** One server-sent event, its data parsed. */
export interface ServerEvent {
  event: string;
  data: any;
}

/** The events of a body of `text/event-stream`, oldest first; comments are left out. */
export const parseEvents = (text: string): ServerEvent[] =>
  [...text.matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(([, event, data]) => ({ event, data: JSON.parse(data) }));

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

/** Asks again and again until the answer is yes, or fails the test. */
export async function eventually(condition: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
