import type { Pool } from 'pg';

/** Threads whose counters are not what their messages add up to (C40); empty when all is well. */
export async function brokenCounters(db: Pool): Promise<unknown[]> {
  const { rows } = await db.query(`
    SELECT t.org_id, t.id, t.message_count, t.token_count, t.total_cost, t.last_seq, m.*
    FROM threads t CROSS JOIN LATERAL (
      SELECT count(*) AS messages, coalesce(sum(token_count), 0) AS tokens, coalesce(sum(cost), 0) AS costs,
        coalesce(max(seq), 0) AS highest
      FROM messages WHERE org_id = t.org_id AND thread_id = t.id
    ) m
    WHERE t.message_count <> messages OR t.token_count <> tokens OR t.total_cost <> costs OR t.last_seq < highest`);
  return rows;
}

/** Threads whose numbers are not 1, 2, 3 … without a gap; only for threads that nothing was deleted from. */
export async function threadsWithGaps(db: Pool): Promise<unknown[]> {
  const { rows } = await db.query(`
    SELECT thread_id, count(*) AS messages, min(seq) AS first, max(seq) AS last, count(DISTINCT id) AS ids
    FROM messages GROUP BY org_id, thread_id
    HAVING min(seq) <> 1 OR max(seq) <> count(*) OR count(DISTINCT id) <> count(*)`);
  return rows;
}
