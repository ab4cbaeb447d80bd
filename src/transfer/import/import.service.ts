import { Injectable } from '@nestjs/common';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Principal } from '../../organizations';
import { Problem } from '../../common/errors';
import type { TenantTx } from '../../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../../idempotency';
import { ConversationImportService, type Placed, type Placing } from './conversation-import.service';
import { ConversationParser } from './conversation-parser';
import { ImportRepository } from './import.repository';
import { ImportTally } from './import-tally';
import type { ImportFormatName, ImportResult } from '../transfer.dto';

/** One conversation of an import, where it stands there. */
export interface ImportItem {
  line: number;
  /** Its JSON value. @throws a Problem if it is none */
  read(): unknown;
}

type ImportItems = Iterable<ImportItem> | AsyncIterable<ImportItem>;

export interface ImportOptions extends Placing {
  format?: ImportFormatName;
  dryRun: boolean;
  idempotencyKey?: IdempotencyKey;
  /** Hears of each conversation, imported or not. */
  onConversation?: () => void;
}

/** Conversations before others get their turn. */
const BREATH = 50;

/** Who imports, and whose threads they become. */
interface People {
  author: Principal;
  owner: Principal;
}

/** Runs a transaction of one conversation, which is there as a whole afterwards or not at all. */
type Transact = <T>(work: (tx: TenantTx) => Promise<T>) => Promise<T>;

/** Imports conversations, each of them all or nothing; what is wrong with one doesn't keep the others out. */
@Injectable()
export class ImportService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly parser: ConversationParser,
    private readonly conversations: ConversationImportService,
    private readonly rows: ImportRepository,
  ) {}

  /**
   * @param owner whose threads they become
   * @param items taken one by one, never faster than they are stored; with an idempotency key, they are all in one transaction
   * @throws IMPORT_FAILED if nothing could be imported, or what was wrong with the only conversation; IDEMPOTENCY_KEY_REUSED
   */
  async import(
    principal: Principal,
    owner: Principal,
    items: ImportItems,
    options: ImportOptions,
  ): Promise<ImportResult> {
    // A dry run may be repeated without a key.
    if (!options.idempotencyKey || options.dryRun) {
      return this.run({ author: principal, owner }, items, options, (work) =>
        this.idempotency.once(owner, undefined, work),
      );
    }
    return this.idempotency.once(principal, options.idempotencyKey, (tx) =>
      this.run({ author: principal, owner }, items, options, (work) => this.rows.undoable(tx, () => work(tx))),
    );
  }

  private async run(
    people: People,
    items: ImportItems,
    options: ImportOptions,
    transact: Transact,
  ): Promise<ImportResult> {
    const tally = new ImportTally(options.dryRun);
    let [line, done, count] = [0, 0, 0];
    try {
      for await (const item of items) {
        line = item.line;
        tally.checkFailures();
        await this.importOne(people, item, { options, tally, transact });
        done = line;
        options.onConversation?.();
        // What is wrong at once waits for nothing: others would never get their turn.
        if ((count += 1) % BREATH === 0) await breathe();
      }
    } catch (error) {
      // What is stored stays, and the caller has to know of it; nothing that follows is read.
      if (!(error instanceof Problem)) throw error;
      tally.brokenOff(done === line ? line + 1 : line, error);
    }
    return tally.end();
  }

  private async importOne({ author, owner }: People, item: ImportItem, run: Run): Promise<void> {
    const { options, tally, transact } = run;
    try {
      const conversation = await this.parser.parse(author, item.read(), options.format);
      const threadId = tally.threadId(conversation, item.line);
      const placed = await this.place(transact, options, (tx) =>
        this.conversations.store(tx, owner, conversation, threadId, { ...options, author, undone: tally.undone }),
      );
      tally.imported(item.line, conversation, placed);
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      tally.failed(item.line, error);
    }
  }

  /** A dry run does everything, and undoes it. */
  private async place(transact: Transact, { dryRun }: ImportOptions, work: Work): Promise<Placed> {
    if (!dryRun) return transact(work);
    let placed: Placed | undefined;
    const undone = new DryRun();
    await transact(async (tx) => {
      placed = await work(tx);
      throw undone;
    }).catch((error: unknown) => {
      if (error !== undone) throw error;
    });
    return placed as Placed;
  }
}

type Work = (tx: TenantTx) => Promise<Placed>;

interface Run {
  options: ImportOptions;
  tally: ImportTally;
  transact: Transact;
}

/** Ends the transaction of a dry run. */
class DryRun extends Error {}
