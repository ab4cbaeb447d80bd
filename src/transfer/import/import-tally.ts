import type { Problem } from '../../common/errors';
import { idAt } from '../../common/ids';
import type { Conversation } from './conversation';
import type { Placed } from './conversation-import.service';
import type { ImportResult } from '../transfer.dto';
import { transferErrors } from '../transfer.errors';

const MAX_LISTED = 1000;
const MAX_ERRORS = 100;
const MAX_FAILURES = 1000;

/** By how much two threads may have been numbered and dated in different orders: one began before the other was stored. */
const OUT_OF_STEP_MS = 2000;

/** Counts what comes of an import, conversation by conversation. */
export class ImportTally {
  readonly result: ImportResult;
  /** Sessions that a dry run has made and undone. */
  readonly undone = new Set<string>();
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
    if (result.dry_run && session_id !== null) this.undone.add(session_id);
    if (result.conversations.length >= MAX_LISTED) return;
    const id = result.dry_run ? null : thread_id;
    const place = { line, thread_id: id, session_id, name: thread.name };
    result.conversations.push({ ...place, message_count: messages.length });
  }

  failed(line: number, problem: Problem): void {
    this.count(problem);
    if (this.result.errors.length < MAX_ERRORS) this.list(line, problem);
  }

  /** The import ends early, and what follows is not read; why is told in any case. */
  brokenOff(line: number, problem: Problem): void {
    this.count(problem);
    this.list(line, problem);
    this.result.complete = false;
  }

  /** @throws IMPORT_GIVEN_UP when so much has failed that the rest will hardly do better */
  checkFailures(): void {
    if (this.result.failed >= MAX_FAILURES) throw transferErrors.IMPORT_GIVEN_UP(MAX_FAILURES);
  }

  /** @throws IMPORT_FAILED if nothing could be imported; where there was one conversation only, its own problem */
  end(): ImportResult {
    const { imported, failed, complete, errors } = this.result;
    if (imported > 0 || failed === 0) return this.result;
    if (this.only) throw this.only;
    const listed = errors.map((error) => ({ ...error, field: `line ${error.line}`, message: error.detail }));
    throw transferErrors.IMPORT_FAILED().with({ errors: listed, members: { imported, failed, complete } });
  }

  private count(problem: Problem): void {
    this.result.failed += 1;
    this.only = this.result.failed === 1 ? problem : undefined;
  }

  private list(line: number, { code, message: detail, errors }: Problem): void {
    this.result.errors.push({ line, code, detail, ...(errors ? { errors } : {}) });
  }
}
