import { Injectable } from '@nestjs/common';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Principal } from '../../organizations';
import type { NewMessage } from '../append/new-message';
import { APPENDED_COLUMNS, saidIn } from '../message-columns';
import { type ThreadKey, type ThreadNames, threadValues } from '../read/messages.repository';

/** A message that keeps its number and its times. */
export interface ImportedMessage extends NewMessage {
  seq: number;
  created_at: string;
  updated_at: string;
}

/** Messages that become one text: of some kilobytes each, they stay below what V8 calls a large object. */
const AT_ONCE = 20;

type ImportNames = ThreadNames | 'messages' | 'count' | 'tokens' | 'lastSeq' | 'userId' | 'via';

const IMPORT = sql<ImportNames>('messages_import')`
  WITH input AS (
    SELECT m, n FROM jsonb_array_elements(convert_from(:messages::bytea, 'UTF8')::jsonb) WITH ORDINALITY AS i(m, n)
  ), stored AS (
    INSERT INTO messages (${APPENDED_COLUMNS}, created_at, updated_at)
    SELECT :orgId, :threadId, (m->>'seq')::bigint, ${saidIn('m')}, :userId::text, :via::text,
      (m->>'created_at')::timestamptz, (m->>'updated_at')::timestamptz
    FROM input ORDER BY n
  )
  UPDATE threads t SET message_count = t.message_count + :count::int, token_count = t.token_count + :tokens::bigint,
    total_cost = t.total_cost + (SELECT sum((m->>'cost')::numeric) FROM input),
    last_seq = greatest(t.last_seq, :lastSeq::bigint)
  WHERE t.org_id = :orgId AND t.id = :threadId`;

@Injectable()
export class MessageImportRepository {
  /**
   * Stores messages behind those that are there, and books them on their thread, whose version and times stay.
   * @param author who imports them
   */
  async insert(tx: TenantTx, author: Principal, thread: ThreadKey, messages: ImportedMessage[]): Promise<void> {
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    const lastSeq = messages[messages.length - 1].seq;
    const { userId, via } = author;
    const values = { messages: jsonOf(messages), count: messages.length, tokens, lastSeq, userId, via };
    await tx.execute(IMPORT, { ...threadValues(thread), ...values });
  }
}

/**
 * The list as JSON in bytes, which are outside of V8's heap. As one text it would be a large object: those are freed only
 * when the whole heap is collected, which would grow by all that is imported until then.
 */
function jsonOf(messages: ImportedMessage[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < messages.length; i += AT_ONCE) {
    const text = JSON.stringify(messages.slice(i, i + AT_ONCE)).slice(1, -1);
    parts.push(Buffer.from(i === 0 ? '[' : ','), Buffer.from(text));
  }
  return Buffer.concat([...parts, Buffer.from(']')]);
}
