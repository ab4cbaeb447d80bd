import type { Problem } from '../common/errors';
import { idAt } from '../common/ids';
import type { Conversation } from './conversation';
import type { Placed } from './conversation-import.service';
import type { ImportResult } from './transfer.dto';
import { transferErrors } from './transfer.errors';

const MOST_LISTED = 1000;
const MOST_ERRORS = 100;

/** By how much two threads may have been numbered and dated in different orders: one began before the other was stored. */
const OUT_OF_STEP_MS = 2000;

/** Counts what comes of an import, conversation by conversation. */
export class ImportTally {
  readonly result: ImportResult;
  private only?: Problem;
  private latest = 0;

  constructor(dryRun: boolean) {
    const counts = { imported: 0, failed: 0, messages: 0 };
    this.result = { dry_run: dryRun, ...counts, complete: true, conversations: [], errors: [] };
  }

  /**
   * An id for a thread, which lists sort by. Exports are in the order of ids, which was not quite that of times: it stays
   * what it was.
   */
  threadId({ thread, stored }: Conversation, line: number): string {
    const time = Date.parse(thread.created_at);
    const isLittleEarlier = stored && time < this.latest && this.latest - time <= OUT_OF_STEP_MS;
    const used = isLittleEarlier ? this.latest : time;
    this.latest = Math.max(this.latest, used);
    return idAt(used, line % 2 ** 32);
  }

  imported(line: number, { thread, messages }: Conversation, { thread_id, session_id }: Placed): void {
    const { result } = this;
    result.imported += 1;
    result.messages += messages.length;
    if (result.conversations.length >= MOST_LISTED) return;
    const id = result.dry_run ? null : thread_id;
    const place = { line, thread_id: id, session_id, name: thread.name };
    result.conversations.push({ ...place, message_count: messages.length });
  }

  failed(line: number, problem: Problem): void {
    const { result } = this;
    result.failed += 1;
    this.only = result.failed === 1 ? problem : undefined;
    if (result.errors.length >= MOST_ERRORS) return;
    const { code, message: detail, errors } = problem;
    result.errors.push({ line, code, detail, ...(errors ? { errors } : {}) });
  }

  /** The import ends early: what follows is not read. */
  brokenOff(): void {
    this.result.complete = false;
  }

  /** @throws IMPORT_FAILED if nothing could be imported; where there was one conversation only, its own problem */
  end(): ImportResult {
    const { imported, failed, errors } = this.result;
    if (imported > 0 || failed === 0) return this.result;
    if (this.only) throw this.only;
    const listed = errors.map((error) => ({ ...error, field: `line ${error.line}`, message: error.detail }));
    throw transferErrors.IMPORT_FAILED().with({ errors: listed, members: { imported, failed } });
  }
}
