import type { Principal } from '../../organizations/principal';
import { commonErrors } from '../../common/errors';
import type { IdempotencyService } from '../../idempotency/idempotency.service';
import type { ConversationImportService } from './conversation-import.service';
import type { ConversationParser } from './conversation-parser';
import type { ImportRepository } from './import.repository';
import { type ImportItem, ImportService } from './import.service';

const OWNER = { orgId: 'acme', userId: 'alice' } as Principal;
const CONVERSATION = { thread: { name: 'A', created_at: '2024-01-01T00:00:00.000Z' }, messages: [], stored: false };
const OPTIONS = { dryRun: false, asSession: false, overwrite: false };

/** Over a database that takes everything, unless it is away at one line. */
function makeService(awayAt = 0) {
  let stored = 0;
  const store = async () => {
    if ((stored += 1) === awayAt) throw commonErrors.STORE_UNAVAILABLE();
    return { thread_id: 't', session_id: null };
  };
  const once = (_: unknown, __: unknown, work: (tx: unknown) => Promise<unknown>) => work({});
  return new ImportService(
    { once } as unknown as IdempotencyService,
    { parse: async () => CONVERSATION } as unknown as ConversationParser,
    { store } as unknown as ConversationImportService,
    {} as ImportRepository,
  );
}

const good = (line: number): ImportItem => ({ line, read: () => ({}) });
const bad = (line: number): ImportItem => ({
  line,
  read: () => {
    throw commonErrors.INVALID_JSON('no');
  },
});
const lines = (count: number, make: (line: number) => ImportItem) =>
  Array.from({ length: count }, (_, i) => make(i + 1));

describe('ImportService', () => {
  it('F46 names the line at which the database went away', async () => {
    const result = await makeService(3).import(OWNER, OWNER, lines(5, good), OPTIONS);
    expect(result).toMatchObject({ imported: 2, complete: false, errors: [{ line: 3, code: 'STORE_UNAVAILABLE' }] });
  });

  it('F46 names the next line where the source breaks off', async () => {
    async function* source() {
      yield* lines(2, good);
      throw commonErrors.BAD_REQUEST('gone');
    }
    const result = await makeService().import(OWNER, OWNER, source(), OPTIONS);
    expect(result).toMatchObject({ imported: 2, complete: false, errors: [{ line: 3, code: 'BAD_REQUEST' }] });
  });

  it('F46 gives others their turn while all that comes is wrong', async () => {
    let turns = 0;
    const next = () => {
      turns += 1;
      turn = setImmediate(next);
    };
    let turn = setImmediate(next);
    const items = [good(0), ...lines(500, bad)];
    await makeService().import(OWNER, OWNER, items, OPTIONS);
    clearImmediate(turn);
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('F46 gives up after a thousand failures, and says so in any case', async () => {
    let read = 0;
    function* flood() {
      yield good(1);
      for (;;) yield bad((read += 1) + 1);
    }
    const result = await makeService().import(OWNER, OWNER, flood(), OPTIONS);
    expect(result).toMatchObject({ imported: 1, complete: false });
    expect(result.errors.at(-1)).toMatchObject({ line: 1002, code: 'IMPORT_GIVEN_UP' });
    expect(read).toBe(1001);
    const failing = makeService().import(OWNER, OWNER, lines(1200, bad), OPTIONS);
    await expect(failing).rejects.toMatchObject({ code: 'IMPORT_FAILED', members: { complete: false } });
    // A thousand of them, and no more to come, is no reason.
    const all = await makeService().import(OWNER, OWNER, [good(0), ...lines(1000, bad)], OPTIONS);
    expect(all).toMatchObject({ failed: 1000, complete: true });
  });
});
