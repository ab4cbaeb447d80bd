import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Client } from './client';
import { brokenCounters, threadsWithGaps } from './integrity';

export const WRITERS = 8;

/** Writers that send each message until it is acknowledged, always under the same id. */
export class Load {
  readonly acknowledged: { threadId: string; id: string; content: string }[] = [];
  repeated = 0;
  private stopping = false;
  private patienceMs = 120_000;
  private readonly writers: Promise<void>[];

  constructor(
    private readonly client: Client,
    private readonly threads: string[],
  ) {
    this.writers = Array.from({ length: WRITERS }, (_, writer) => this.write(writer));
    // Reported by stop(); until then nobody awaits them.
    for (const writing of this.writers) writing.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.writers);
  }

  /** Stops without waiting for what is not acknowledged yet. */
  abandon(): void {
    this.stopping = true;
    this.patienceMs = 0;
  }

  private async write(writer: number): Promise<void> {
    for (let turn = 0; !this.stopping; turn += 1) {
      const threadId = this.threads[(turn * 3 + writer) % this.threads.length];
      const message = { id: randomUUID(), role: 'user', content: `${writer}/${turn}` };
      const since = Date.now();
      while (!(await this.send(threadId, message))) {
        if (Date.now() > since + this.patienceMs) throw new Error('Nothing was acknowledged for two minutes');
        this.repeated += 1;
        await sleep(50);
      }
      this.acknowledged.push({ threadId, id: message.id, content: message.content });
    }
  }

  /** Whether it was acknowledged; a lost connection and 503 mean that it is to be sent again. */
  private async send(threadId: string, message: object): Promise<boolean> {
    const answer = await this.client.post(`/threads/${threadId}/messages`, message).catch(() => undefined);
    if (!answer || answer.status === 503) return false;
    if (answer.status !== 201 && answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    return true;
  }
}

/** Every acknowledged message is there once and nothing else is; sending some again adds nothing. */
export async function expectWhole(client: Client, db: Pool, load: Load): Promise<void> {
  const contents = async () => {
    const { rows } = await db.query<{ id: string; text: string }>(
      `SELECT id, content ->> 'text' AS text FROM messages`,
    );
    return new Map(rows.map(({ id, text }) => [id, text]));
  };
  expect(load.acknowledged.length).toBeGreaterThan(50);
  const before = await contents();
  const lost = load.acknowledged.filter(({ id, content }) => before.get(id) !== content);
  expect(lost).toEqual([]);
  expect(before.size).toBe(load.acknowledged.length);
  expect(await threadsWithGaps(db)).toEqual([]);
  expect(await brokenCounters(db)).toEqual([]);
  for (const { threadId, id, content } of load.acknowledged.slice(-100)) {
    const again = await client.post(`/threads/${threadId}/messages`, { id, role: 'user', content });
    expect(again).toMatchObject({ status: 200, body: { id } });
  }
  expect((await contents()).size).toBe(before.size);
}
