import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Principal } from '../../organizations';
import { TenantDatabase } from '../../database/door/tenant-database';
import { checkTarget, notFound, ownerOf, type Target } from '../../threads';
import { SessionsService } from '../../sessions';
import { ConversationExporter } from './conversation-exporter';
import type { Release } from '../../common/lanes';
import { type ExportFilter, ExportRepository } from './export.repository';
import { exportText } from './export-text';
import { textStream } from './text-stream';
import type { ExportAllQuery, ExportFormatName, ExportQuery } from '../transfer.dto';

/** A file that is written while it is read. */
export interface ExportFile {
  stream: Readable;
  contentType: string;
  name: string;
}

interface ExportOptions extends ExportQuery {
  /** Aborted when the client leaves. */
  gone?: AbortSignal;
}

interface ExportAllOptions extends ExportAllQuery, ExportOptions {
  sessionsOnly: boolean;
  /** Hears of each conversation. */
  onConversation?: () => void;
}

/** What goes into a file. */
interface Content extends Pick<ExportAllOptions, 'gone' | 'onConversation'> {
  name: string;
  ids: string[] | AsyncIterable<string>;
  principal: Principal;
}

const IDS = 500;

/** Writes conversations as files, each conversation as it is at one moment. Memory is a page's, whatever is exported. */
@Injectable()
export class ExportService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: ExportRepository,
    private readonly sessions: SessionsService,
    private readonly exporter: ConversationExporter,
  ) {}

  /** @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, TOO_MANY_EXPORTS */
  async one(principal: Principal, target: Target, { format = 'json', gone }: ExportOptions): Promise<ExportFile> {
    checkTarget(target);
    // Before anything is written: afterwards there is no status to say it with.
    const id = await (target.by === 'thread' ? this.find(principal, target) : this.findSession(principal, target));
    return this.file(format, { name: `${target.by}-${target.id}`, ids: [id], principal, gone });
  }

  /**
   * All that the lists show, archived ones too: the caller's own, an admin's organization's.
   * @throws OTHER_USER, TOO_MANY_EXPORTS
   */
  async all(principal: Principal, options: ExportAllOptions): Promise<ExportFile> {
    const { format = 'json', sessionsOnly, gone, onConversation } = options;
    const ids = this.ids(principal, this.filter(principal, options));
    const name = sessionsOnly ? 'sessions' : 'threads';
    return this.file(format, { name, ids, principal, gone, onConversation });
  }

  /** How many conversations `all` finds at this moment. */
  count(principal: Principal, options: ExportAllOptions): Promise<number> {
    return this.db.readOne(principal, (tx) => this.rows.count(tx, this.filter(principal, options)));
  }

  private async find(principal: Principal, target: Target): Promise<string> {
    const found = await this.db.readOne(principal, (tx) => this.rows.find(tx, principal, target.id));
    if (!found) throw notFound(target);
    return target.id;
  }

  private async findSession(principal: Principal, target: Target): Promise<string> {
    return (await this.sessions.get(principal, target)).thread_id;
  }

  private filter(principal: Principal, { user_id, sessionsOnly }: ExportAllOptions): ExportFilter {
    const owner = ownerOf(principal, { user_id });
    const everyone = principal.seesOrganization && user_id === undefined;
    return { orgId: principal.orgId, userId: everyone ? undefined : owner, sessionsOnly };
  }

  /** Waits for the first slot before anything is written: afterwards there is no status to say it with. */
  private async file(format: ExportFormatName, { name, ids, principal, gone, onConversation }: Content) {
    let release: Release | undefined = await this.exporter.reserve(principal, gone);
    const text = exportText(format, !Array.isArray(ids));
    const stream = textStream(async (write, left) => {
      try {
        await write(text.begin());
        let count = 0;
        for await (const id of ids) {
          const found = await this.exporter.write({ write, gone: left, principal, id, text, index: count, release });
          release = undefined;
          if (!found) continue;
          count += 1;
          onConversation?.();
        }
        await write(text.end(count));
      } finally {
        release?.();
      }
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
}
