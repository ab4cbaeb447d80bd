import { Logger } from '@nestjs/common';
import type { Config } from '../../config/config';
import type { TenantDatabase } from '../../database/door/tenant-database';
import { ConversationExporter, type Writing } from './conversation-exporter';
import { ExportSlots } from './export-slots';
import type { ExportRepository } from './export.repository';
import { exportText } from './export-text';

const TIME = '2024-01-01T00:00:00.000Z';
const THREAD = { id: 't', user_id: 'alice', name: 'Long', last_seq: 3, session_id: null, has_summaries: false };
const ROW = { role: 'user', name: null, tool_calls: null, client_timestamp: null, created_at: TIME };
const LARGE = 'x'.repeat(100_000);
const PRINCIPAL = { orgId: 'acme', userId: 'alice' } as Writing['principal'];

/** A writer over a conversation of three pages, and what its transactions did. */
function makeWriter() {
  const opened = { now: 0, ever: 0 };
  const db = {
    read: async (_: unknown, work: (tx: unknown) => Promise<unknown>) => {
      opened.ever += 1;
      opened.now += 1;
      return work({}).finally(() => (opened.now -= 1));
    },
  };
  const found = { thread: THREAD as typeof THREAD | undefined };
  const rows = {
    find: async () => found.thread,
    messages: async (_: unknown, __: string, ___: string, after: number) =>
      after < 3 ? [{ ...ROW, seq: after + 1, content: `${after + 1}${LARGE}` }] : [],
  };
  const slots = new ExportSlots({ env: { DB_POOL_SIZE: 5, DB_MAX_OVERFLOW: 10 } } as Config);
  const writer = new ConversationExporter(db as unknown as TenantDatabase, rows as unknown as ExportRepository, slots);
  return { writer, opened, found, slots };
}

/** A reader that takes nothing after its first piece until it is told to. */
function makeReader() {
  const taken: string[] = [];
  let goOn = () => {};
  const pause = new Promise<void>((resolve) => (goOn = resolve));
  const write = async (text: string | Buffer) => {
    taken.push(text.toString());
    await pause;
  };
  return { taken, write, goOn: () => goOn() };
}

describe('ConversationExporter', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const writing = (write: Writing['write']): Writing => ({
    write,
    principal: PRINCIPAL,
    id: 't',
    text: exportText('markdown', false),
    index: 0,
  });

  it('F45 keeps no transaction and no slot open for a reader that is slow, and goes on where it was', async () => {
    const { writer, opened, slots } = makeWriter();
    const reader = makeReader();
    const work = writer.write(writing(reader.write));
    await jest.advanceTimersByTimeAsync(1000);
    expect(opened).toEqual({ now: 1, ever: 1 });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(opened).toEqual({ now: 0, ever: 1 });
    (await slots.take(PRINCIPAL, { maxWaitMs: 1 }))();
    reader.goOn();
    await jest.advanceTimersByTimeAsync(1000);
    expect(await work).toBe(true);
    expect(opened.ever).toBeGreaterThan(1);
    const text = reader.taken.join('');
    expect([...text.matchAll(/^([123])x+$/gm)].map(([, number]) => number)).toEqual(['1', '2', '3']);
    expect(text.match(/^# /gm)).toHaveLength(1);
  });

  it('F45 is one transaction for a reader that keeps up', async () => {
    const { writer, opened } = makeWriter();
    expect(await writer.write(writing(async () => {}))).toBe(true);
    expect(opened).toEqual({ now: 0, ever: 1 });
  });

  it('F45 breaks off when the conversation goes out of sight meanwhile; one that never was is passed over', async () => {
    const told = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    const { writer, found } = makeWriter();
    const reader = makeReader();
    const refused = expect(writer.write(writing(reader.write))).rejects.toThrow('out of sight');
    await jest.advanceTimersByTimeAsync(61_000);
    found.thread = undefined;
    reader.goOn();
    await jest.advanceTimersByTimeAsync(1000);
    await refused;
    expect(told).toHaveBeenCalledTimes(1);
    told.mockRestore();
    expect(await writer.write(writing(reader.write))).toBe(false);
  });
});
