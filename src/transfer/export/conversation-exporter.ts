import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import type { Release } from '../../common/lanes';
import { ExportSlots } from './export-slots';
import { ExportRepository, type ExportedSummary, type ExportedThread } from './export.repository';
import type { ExportText } from './export-text';
import type { Write } from './text-stream';

/** The longest that a transaction is kept open for a reader; then the export goes on in another one. */
const TRANSACTION_MS = 60_000;

/** How long a request waits for its first slot. */
const WAIT_MS = 15_000;

/** Pieces below this are written together with the next one. */
const MIN_PIECE = 64 * 1024;

/** Which conversation is written, where to, and how. */
export interface Writing {
  write: Write;
  /** Aborted when the reader has left. */
  gone?: AbortSignal;
  principal: Principal;
  id: string;
  text: ExportText;
  /** Its place among those of the file. */
  index: number;
  /** A slot that is held already; it is given back. */
  release?: Release;
}

/** Writes a conversation as it is at one moment; what its reader has not taken after a minute, as it is then. */
@Injectable()
export class ConversationExporter {
  private readonly logger = new Logger('Export');

  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: ExportRepository,
    private readonly slots: ExportSlots,
  ) {}

  /** The slot for a first conversation, before a status is sent. @throws TOO_MANY_EXPORTS */
  reserve(principal: Principal, gone?: AbortSignal): Promise<Release> {
    return this.slots.take(principal, { gone, maxWaitMs: WAIT_MS });
  }

  /**
   * @returns whether it was still there
   * @throws when the reader has left, or the conversation went out of sight while it was being written
   */
  async write(writing: Writing): Promise<boolean> {
    const course: Course = { summaries: 0, isTurned: false, seq: 0, messages: 0, isDone: false };
    let { release } = writing;
    do {
      release ??= await this.slots.take(writing.principal, { gone: writing.gone });
      const left = await this.inTransaction(writing, course).finally(release);
      release = undefined;
      if (!left && !course.thread) return false;
      if (!left) throw this.outOfSight(writing.id);
      // Its reader may take its time: no transaction waits for what a conversation ends with, or all of a short one.
      await left.behind;
      await writing.write(left.rest);
    } while (!course.isDone);
    return true;
  }

  private inTransaction(writing: Writing, course: Course): Promise<Left | undefined> {
    const { principal, id, text, index } = writing;
    return this.db.read(principal, async (tx) => {
      const thread = await this.rows.find(tx, principal, id);
      if (!thread) return undefined;
      const begun = course.thread !== undefined;
      course.thread ??= thread;
      return this.writePieces(tx, writing, course, bytesOf(begun ? [] : [text.open(thread, index)]));
    });
  }

  /** @returns what is to be written when the transaction is over */
  private async writePieces(tx: TenantTx, writing: Writing, course: Course, head: Buffer): Promise<Left> {
    const until = performance.now() + TRANSACTION_MS;
    let rest = head;
    for await (const piece of this.pieces(tx, writing, course)) {
      if (rest.length < MIN_PIECE || course.isDone) {
        rest = Buffer.concat([rest, piece]);
        continue;
      }
      const behind = writing.write(rest);
      rest = piece;
      if (!(await settledBy(until, behind))) return { rest, behind };
    }
    return { rest };
  }

  /** What is still to come of the conversation, a page at a time. */
  private async *pieces(tx: TenantTx, { principal, id, text }: Writing, course: Course): AsyncGenerator<Buffer, void> {
    const { has_summaries, last_seq } = course.thread as ExportedThread;
    while (!course.isTurned) {
      const page = has_summaries ? await this.rows.summaries(tx, principal.orgId, id, course.summary) : [];
      course.isTurned = page.length === 0;
      const count = course.summaries;
      course.summaries += page.length;
      course.summary = page.at(-1);
      yield bytesOf(course.isTurned ? [text.turn(count)] : page.map((row, i) => text.summary(row, count + i)));
    }
    while (course.seq < last_seq) {
      const page = await this.rows.messages(tx, principal.orgId, id, course.seq);
      // The numbers of the last ones may be those of deleted messages.
      if (page.length === 0) break;
      const count = course.messages;
      course.messages += page.length;
      course.seq = page[page.length - 1].seq;
      const piece = bytesOf(page.map((row, i) => text.message(row, count + i)));
      // What is dead but in the old space still refers to the list: its rows would be moved there too.
      page.length = 0;
      yield piece;
    }
    course.isDone = true;
    yield bytesOf([text.close(course.messages)]);
  }

  private outOfSight(id: string): Error {
    const reason = 'An export breaks off: its conversation went out of sight while a slow reader took it';
    this.logger.warn({ msg: reason, thread_id: id });
    return new Error(reason);
  }
}

/** How far a conversation is written, from one transaction to the next. */
interface Course {
  /** As it was at first. */
  thread?: ExportedThread;
  summary?: ExportedSummary;
  summaries: number;
  /** Whether the messages have begun. */
  isTurned: boolean;
  seq: number;
  messages: number;
  isDone: boolean;
}

/** What a transaction leaves to be written, after what its reader is behind with. */
interface Left {
  rest: Buffer;
  behind?: Promise<void>;
}

/** Whether work ends in time. @throws what it throws until then */
async function settledBy(until: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, until - performance.now()));
  });
  try {
    return (await Promise.race([work.then(() => true), late])) && performance.now() < until;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Texts as one piece, outside of V8's heap. As one text it would be a large object: those are freed only when the whole
 * heap is collected, which would grow by all that is exported until then.
 */
const bytesOf = (texts: string[]): Buffer => Buffer.concat(texts.map((text) => Buffer.from(text)));
