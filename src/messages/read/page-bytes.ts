/** What a page holds at most, of contents, calls and metadata: so much of them does a request keep in memory. */
export const MAX_PAGE_BYTES = 4_000_000;

const LARGE = ['content', 'tool_calls', 'metadata'];

/** Bytes of a message as it is stored: known without reading it, and for a compressed one far too few. */
const storedSize = (alias: string) =>
  LARGE.map((column) => `coalesce(pg_column_size(${alias}.${column}), 0)`).join(' + ');

/** Bytes of a message, of which only those are read that are compressed. */
export const sizeOf = (alias: string) =>
  LARGE.map((name) => {
    const column = `${alias}.${name}`;
    const stored = `coalesce(pg_column_size(${column}), 0)`;
    return `CASE WHEN pg_column_compression(${column}) IS NULL THEN ${stored} ELSE greatest(${stored}, octet_length(${column}::text)) END`;
  }).join(' + ');

/** Whether a message is larger than `bytes`; null: it is not. */
export const isLarger = (alias: string, bytes: string) =>
  `nullif(${bytes} IS NOT NULL AND CASE WHEN ${storedSize(alias)} > ${bytes} THEN true ELSE ${sizeOf(alias)} > ${bytes} END, false)`;

/** Columns of `messages m` without what is large of rows that are marked so. */
export const withheld = (columns: string) =>
  columns.replace(/\bm\.(content|tool_calls|metadata)(?=,|$)/g, 'CASE WHEN m.large IS NULL THEN m.$1 END AS $1');

/** No row counts for more than a page, so that the one behind a larger one is in sight. */
const atMost = (size: string) => `least(${size}, ${MAX_PAGE_BYTES})`;

/**
 * The first of some rows, as many as a page may hold, at least one; and one more, marked as `large`, which only tells that
 * there are more. What is stored is added up first, so that what is to be read for its size is bounded too.
 * @param rows a statement
 */
export const withinBytes = (rows: string, order: string) => `
  SELECT n.*, nullif(n.before > 0 AND n.before + n.size > ${MAX_PAGE_BYTES}, false) AS large FROM (
    SELECT n.*, sum(n.size) OVER (ORDER BY ${order}) - n.size AS before FROM (
      SELECT n.*, ${atMost(sizeOf('n'))} AS size FROM (
        SELECT n.*, sum(n.stored) OVER (ORDER BY ${order}) - n.stored AS stored_before FROM (
          SELECT n.*, ${atMost(storedSize('n'))} AS stored FROM (${rows}) n
        ) n
      ) n WHERE n.stored_before <= ${MAX_PAGE_BYTES}
    ) n
  ) n WHERE n.before <= ${MAX_PAGE_BYTES}`;

/** A row of a page, or the one behind it. */
interface Measured {
  large?: boolean | null;
}

/** How many of the rows a page shows: at most `limit`, and only those that came whole. */
export function shownOf(rows: object[], limit: number): number {
  const withoutContent = rows.findIndex((row: Measured) => row.large);
  return withoutContent === -1 ? limit : Math.min(limit, withoutContent);
}
