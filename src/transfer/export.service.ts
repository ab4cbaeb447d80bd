import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Principal } from '../auth/principal';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import { byThread } from '../database/visibility';
import { SessionsService } from '../sessions/sessions.service';
import { checkTarget, notFound, ownerOf } from '../threads/threads.service';
import { ExportSlots } from './export-slots';
import { type ExportFilter, ExportRepository, type ExportedSummary } from './export.repository';
import { type ExportText, exportText } from './export-text';
import { textStream, type Write } from './text-stream';
import type { ExportAllQuery, ExportFormatName, ExportQuery } from './transfer.dto';

/** A file that is written while it is read. */
export interface ExportFile {
  stream: Readable;
  contentType: string;
  name: string;
}

export interface ExportAllOptions extends ExportAllQuery {
  sessionsOnly: boolean;
  /** Hears of each conversation. */
  onConversation?: () => void;
}

const IDS = 500;

/** Writes conversations as files, each conversation as it is at one moment. Memory is a page's, whatever is exported. */
@Injectable()
export class ExportService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: ExportRepository,
    private readonly sessions: SessionsService,
    private readonly slots: ExportSlots,
  ) {}

  /** @throws THREAD_NOT_FOUND */
  async thread(principal: Principal, id: string, { format = 'json' }: ExportQuery): Promise<ExportFile> {
    const target = byThread(id);
    checkTarget(target);
    // Before anything is written: afterwards there is no status to say it with.
    const found = await this.db.readOne(principal, (tx) => this.rows.find(tx, principal, id));
    if (!found) throw notFound(target);
    return this.file(format, `thread-${id}`, [id], principal);
  }

  /** @throws SESSION_NOT_FOUND */
  async session(principal: Principal, id: string, { format = 'json' }: ExportQuery): Promise<ExportFile> {
    const { thread_id } = await this.sessions.get(principal, id);
    return this.file(format, `session-${id}`, [thread_id], principal);
  }

  /** All that the lists show, archived ones too: the caller's own, an admin's organization's. @throws OTHER_USER */
  all(principal: Principal, options: ExportAllOptions): ExportFile {
    const { format = 'json', sessionsOnly, onConversation } = options;
    const ids = this.ids(principal, this.filter(principal, options));
    return this.file(format, sessionsOnly ? 'sessions' : 'threads', ids, principal, onConversation);
  }

  /** How many conversations `all` finds at this moment. */
  count(principal: Principal, options: ExportAllOptions): Promise<number> {
    return this.db.readOne(principal, (tx) => this.rows.count(tx, this.filter(principal, options)));
  }

  private filter(principal: Principal, { user_id, sessionsOnly }: ExportAllOptions): ExportFilter {
    const owner = ownerOf(principal, { user_id });
    const everyone = principal.seesOrganization && user_id === undefined;
    return { orgId: principal.orgId, userId: everyone ? undefined : owner, sessionsOnly };
  }

  private file(
    format: ExportFormatName,
    name: string,
    ids: string[] | AsyncIterable<string>,
    principal: Principal,
    onConversation?: () => void,
  ): ExportFile {
    const text = exportText(format, !Array.isArray(ids));
    const stream = textStream(async (write) => {
      await write(text.begin());
      let count = 0;
      for await (const id of ids) {
        if (!(await this.write(write, principal, id, { text, index: count }))) continue;
        count += 1;
        onConversation?.();
      }
      await write(text.end(count));
    });
    const fileName = `${name.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 100)}.${text.extension}`;
    return { stream, contentType: text.contentType, name: fileName };
  }

  private async *ids(principal: Principal, filter: ExportFilter): AsyncGenerator<string, void> {
    let after: string | undefined;
    do {
      const page: string[] = await this.db.readOne(principal, (tx) => this.rows.threadIds(tx, filter, after, IDS));
      yield* page;
      after = page.length === IDS ? page[IDS - 1] : undefined;
    } while (after);
  }

  /** @returns whether it was still there */
  private async write(write: Write, principal: Principal, id: string, place: Place): Promise<boolean> {
    const rest = await this.slots.use(() =>
      this.db.read(principal, (tx) => this.writeAllButEnd({ tx, write, principal, id }, place)),
    );
    // Its reader may take its time: no transaction waits for what a conversation ends with, or all of a short one.
    if (rest !== undefined) await write(rest);
    return rest !== undefined;
  }

  /** @returns what is left to write; `undefined` when the thread is not in sight any more */
  private async writeAllButEnd(source: Source, { text, index }: Place): Promise<Buffer | undefined> {
    const { tx, write, principal, id } = source;
    const thread = await this.rows.find(tx, principal, id);
    if (!thread) return undefined;
    const summaries = thread.has_summaries
      ? await this.writeSummaries(source, text, text.open(thread, index))
      : undefined;
    const begin = (summaries?.pending ?? text.open(thread, index)) + text.turn(summaries?.count ?? 0);
    let pending = bytesOf([begin]);
    let [last, count] = [0, 0];
    while (last < thread.last_seq) {
      const page = await this.rows.messages(tx, principal.orgId, id, last);
      // The numbers of the last ones may be those of deleted messages.
      if (page.length === 0) break;
      if (count > 0) {
        await write(pending);
        pending = bytesOf([]);
      }
      pending = Buffer.concat([pending, bytesOf(page.map((row, i) => text.message(row, count + i)))]);
      count += page.length;
      last = page[page.length - 1].seq;
      // What is dead but in the old space still refers to the list: its rows would be moved there too.
      page.length = 0;
    }
    return Buffer.concat([pending, bytesOf([text.close(count)])]);
  }

  private async writeSummaries({ tx, write, principal, id }: Source, text: ExportText, head: string) {
    let [pending, count] = [head, 0];
    let last: ExportedSummary | undefined;
    do {
      const page: ExportedSummary[] = await this.rows.summaries(tx, principal.orgId, id, last);
      if (count > 0) pending = await passOn(write, pending);
      pending += page.map((row, i) => text.summary(row, count + i)).join('');
      count += page.length;
      last = page.at(-1);
    } while (last);
    return { pending, count };
  }
}

/** What a conversation is read from, and where it goes. */
interface Source {
  tx: TenantTx;
  write: Write;
  principal: Principal;
  id: string;
}

/** How it is written, as which of how many. */
interface Place {
  text: ExportText;
  index: number;
}

/**
 * Texts as one piece, outside of V8's heap. As one text it would be a large object: those are freed only when the whole
 * heap is collected, which would grow by all that is exported until then.
 */
const bytesOf = (texts: string[]): Buffer => Buffer.concat(texts.map((text) => Buffer.from(text)));

async function passOn(write: Write, text: string): Promise<string> {
  await write(text);
  return '';
}
