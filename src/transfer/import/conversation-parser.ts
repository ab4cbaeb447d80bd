import { Inject, Injectable } from '@nestjs/common';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Principal } from '../../organizations';
import { checkMetadata } from '../../http/request/limits';
import { CONFIG, type Config } from '../../config/config';
import { type ImportedMessage, MessageImportService } from '../../messages';
import { estimateTokens } from '../../tokens';
import {
  checked,
  checkSummaries,
  type Conversation,
  type ImportedSummary,
  invalid,
  isoTime,
  placed,
  threadOf,
} from './conversation';
import { toDraft } from './formats/formats';
import type { Fields } from './formats/text';
import { ConversationHead, type ImportFormatName, MessageParts, SessionPart, SummaryParts } from '../transfer.dto';

/** Messages that are checked and counted before others get their turn. */
const BATCH = 200;

/** Summaries of one conversation: they are stored by one statement. */
const MAX_SUMMARIES = 10_000;

/** How the messages of a conversation are to be read. */
type MessageList = { now: string; stored: boolean };

/** Makes of anything that is a conversation one that is valid, counted and ready to be stored. */
@Injectable()
export class ConversationParser {
  constructor(
    private readonly messages: MessageImportService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws IMPORT_FORMAT_UNKNOWN, IMPORT_VERSION_UNKNOWN, VALIDATION_FAILED, METADATA_TOO_LARGE, SENDER_MISMATCH */
  async parse(principal: Principal, value: unknown, format?: ImportFormatName): Promise<Conversation> {
    const { fields, stored } = toDraft(value, format);
    const { session, summaries = [], messages, ...rest } = fields;
    const head = checked(ConversationHead, rest);
    const part = (session ?? null) === null ? undefined : checked(SessionPart, session, { path: 'session' });
    for (const data of [head.metadata, part?.variables])
      checkMetadata(data ?? {}, this.config.env.METADATA_LIMIT_BYTES);
    const now = new Date().toISOString();
    const read = await this.readMessages(principal, messages, { now, stored });
    const thread = threadOf(head, read, now);
    return {
      thread,
      session: part && { ...part, created_at: isoTime(part.created_at) ?? thread.created_at },
      summaries: await this.readSummaries(summaries, thread.created_at),
      messages: read,
      stored,
    };
  }

  private async readMessages(principal: Principal, values: unknown, of: MessageList): Promise<ImportedMessage[]> {
    if (!Array.isArray(values)) throw invalid('messages', 'must be an array');
    const read: ImportedMessage[] = [];
    for (let from = 0; from < values.length; from += BATCH) {
      const batch = { messages: values.slice(from, from + BATCH) as unknown[] };
      const list = { lastSeq: read.at(-1)?.seq ?? 0, ...of };
      const place = { offset: from };
      const { messages } = checked(MessageParts, batch, place);
      const prepared = this.messages.prepare(principal, messages, list);
      read.push(...(await prepared.catch((error: unknown) => Promise.reject(placed(place, error) as Error))));
      await breathe();
    }
    return read;
  }

  private async readSummaries(values: unknown, fallback: string): Promise<ImportedSummary[]> {
    if (!Array.isArray(values)) throw invalid('summaries', 'must be an array');
    if (values.length > MAX_SUMMARIES) throw invalid('summaries', `must have at most ${MAX_SUMMARIES} items`);
    const read: ImportedSummary[] = [];
    for (let from = 0; from < values.length; from += BATCH) {
      const batch: Fields = { summaries: values.slice(from, from + BATCH) as unknown[] };
      const { summaries } = checked(SummaryParts, batch, { offset: from });
      read.push(...summaries.map((part) => this.toSummary(part, fallback)));
      await breathe();
    }
    return checkSummaries(read);
  }

  private toSummary(part: SummaryParts['summaries'][number], fallback: string): ImportedSummary {
    const { from_seq, to_seq, content, created_by = 'caller', automatic = false } = part;
    const token_count = part.token_count ?? estimateTokens(content, this.config.env.TOKEN_ESTIMATOR);
    const created_at = isoTime(part.created_at) ?? fallback;
    return { from_seq, to_seq, content, token_count, created_by, automatic, created_at };
  }
}
