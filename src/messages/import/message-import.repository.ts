import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { NewMessage } from '../append/new-message';

/** A message that keeps its number and its times. */
export interface ImportedMessage extends NewMessage {
  seq: number;
  created_at: string;
  updated_at: string;
}

/** Messages that become one text: of some kilobytes each, they stay below what V8 calls a large object. */
const AT_ONCE = 20;

@Injectable()
export class MessageImportRepository {
  /** Stores messages behind those that are there, and books them on their thread, whose version and times stay. */
  async insert(tx: TenantTx, thread: Pick<Thread, 'org_id' | 'id'>, messages: ImportedMessage[]): Promise<void> {
    const text = `
      WITH input AS (
        SELECT m, n FROM jsonb_array_elements(convert_from($3::bytea, 'UTF8')::jsonb) WITH ORDINALITY AS i(m, n)
      ), stored AS (
        INSERT INTO messages (org_id, thread_id, seq, id, role, content, tool_calls, tool_call_id, name, sender_id,
          metadata, token_count, cost, client_timestamp, created_at, updated_at)
        SELECT $1, $2, (m->>'seq')::bigint, (m->>'id')::uuid, m->>'role', m->'content', m->'tool_calls',
          m->>'tool_call_id', m->>'name', m->>'sender_id', m->'metadata', (m->>'token_count')::int,
          (m->>'cost')::numeric, (m->>'client_timestamp')::timestamptz, (m->>'created_at')::timestamptz,
          (m->>'updated_at')::timestamptz
        FROM input ORDER BY n
      )
      UPDATE threads t SET message_count = t.message_count + $4::int, token_count = t.token_count + $5::bigint,
        total_cost = t.total_cost + (SELECT sum((m->>'cost')::numeric) FROM input),
        last_seq = greatest(t.last_seq, $6::bigint)
      WHERE t.org_id = $1 AND t.id = $2`;
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    const last = messages[messages.length - 1].seq;
    const values = [thread.org_id, thread.id, jsonOf(messages), messages.length, tokens, last];
    await tx.execute({ name: 'messages_import', text }, values);
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
