import { Inject, Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';
import { commonErrors } from '../../common/errors';
import type { Principal } from '../../organizations';
import { checkCount } from '../../http/request/limits';
import { CONFIG, type Config } from '../../config/config';
import type { IdempotencyKey } from '../../idempotency';
import { ownerOf } from '../../threads';
import { itemsOfFile } from './files';
import { type ImportOptions, ImportService } from './import.service';
import { type ImportLimits, itemsOf, itemsOfLines } from './sources';
import type { ImportResult, ImportSessionsQuery } from '../transfer.dto';
import { transferErrors } from '../transfer.errors';

/** How a request wants its import. */
interface ImportRequest extends ImportSessionsQuery {
  asSession: boolean;
  idempotencyKey?: IdempotencyKey;
  onConversation?: () => void;
}

/** A conversation of 32 MB, in a line of its own, holds more than a body. */
const VALUES_OF_A_CONVERSATION = 10;

/** Takes imports as they come: as a JSON body, as a stream of lines, as a file. */
@Injectable()
export class ImportRequestsService {
  constructor(
    private readonly imports: ImportService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @param body a JSON value, or the stream of a request that has one in each line
   * @throws what `ImportService.import` throws, OTHER_USER, TOO_MANY_ITEMS
   */
  async ofBody(principal: Principal, body: unknown, request: ImportRequest): Promise<ImportResult> {
    const owner = { ...principal, userId: ownerOf(principal, request) };
    const options = toOptions(request);
    if (body instanceof Readable) {
      return this.imports.import(principal, owner, itemsOfLines(arriving(body), this.limits()), options);
    }
    const items = itemsOf(body, request.format);
    checkCount(items, this.config.env.MESSAGE_BATCH_LIMIT);
    return this.imports.import(principal, owner, items, options);
  }

  /** A file of lines or of JSON, of any size: what it is shows at its beginning. */
  ofFile(principal: Principal, chunks: AsyncIterable<Buffer>, request: ImportRequest): Promise<ImportResult> {
    const limits = { ...this.limits(), totalBytes: Infinity };
    return this.imports.import(principal, principal, itemsOfFile(chunks, limits, request.format), toOptions(request));
  }

  private limits(): ImportLimits {
    const { IMPORT_LIMIT_BYTES, IMPORT_CONVERSATION_LIMIT_BYTES, MAX_NESTING, MAX_VALUES } = this.config.env;
    return {
      totalBytes: IMPORT_LIMIT_BYTES,
      conversationBytes: IMPORT_CONVERSATION_LIMIT_BYTES,
      nesting: MAX_NESTING,
      values: MAX_VALUES * VALUES_OF_A_CONVERSATION,
    };
  }
}

const toOptions = ({
  format,
  dry_run,
  overwrite,
  asSession,
  idempotencyKey,
  onConversation,
}: ImportRequest): ImportOptions => ({
  format,
  asSession,
  dryRun: dry_run === 'true',
  overwrite: overwrite === 'true',
  idempotencyKey,
  onConversation,
});

/** Who sends nothing for so long has gone, or means harm. */
const STALL_MS = 60_000;

/**
 * The pieces of a request's body, taken when they are wanted. The stream is left as it is at the end: destroyed, it would take
 * the answer along.
 * @throws IMPORT_STALLED, BAD_REQUEST when the client goes away
 */
async function* arriving(stream: Readable): AsyncGenerator<Buffer, void> {
  const pieces = stream.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const next = await inTime(pieces.next());
    if (next.done) return;
    yield next.value;
  }
}

async function inTime<T>(piece: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(transferErrors.IMPORT_STALLED()), STALL_MS);
  });
  const arrived = piece.catch(() => {
    throw commonErrors.BAD_REQUEST('The connection ended before the import did.');
  });
  try {
    return await Promise.race([arrived, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
