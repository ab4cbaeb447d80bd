import type { Order } from '../../http/request/paging';
import type { RowFormat } from '../../database/door/sql';
import { sqlForTarget } from '../../threads';
import { OWN_COLUMNS, UNPARSED_COLUMNS } from '../message-columns';
import type { MessageRow } from '../message.entity';
import type { UnparsedRow } from '../message-views';
import type { MessagePage } from './messages.repository';
import { isLarger, withheld, withinBytes } from './page-bytes';

type Line<Row> = Row & Omit<MessagePage, 'rows'>;

/** The names of a slice's parameters. */
type SliceNames = 'afterSeq' | 'beforeSeq' | 'from' | 'to' | 'createdBy' | 'limit' | 'offset' | 'known' | 'part';

const listInOrder = <Row extends object>(order: Order, name: string, format: RowFormat, columns: string) => {
  const slice = `
      SELECT ${UNPARSED_COLUMNS} FROM messages m
      WHERE m.org_id = :orgId AND m.thread_id = t.id AND m.seq > :afterSeq AND m.seq < :beforeSeq
        AND (:known::bigint IS NULL OR t.version <> :known)
        AND (:from::timestamptz IS NULL OR m.created_at >= :from) AND (:to::timestamptz IS NULL OR m.created_at < :to)
        AND (:createdBy::text IS NULL OR m.created_by = :createdBy)
      ORDER BY m.seq ${order} LIMIT :limit OFFSET :offset`;
  const statement = (suffix: string, rows: string) =>
    sqlForTarget<SliceNames, Line<Row>>(
      `${name}_${suffix}${order}`,
      'read',
      format,
    )(
      (isTarget, by) => `
    SELECT t.message_count AS total, t.version, ${by === 'session' ? 't.id AS thread_id,' : ''} m.*
    FROM threads t LEFT JOIN LATERAL (
      SELECT ${withheld(columns)}, m.large FROM (${rows}) m
    ) m ON true
    WHERE ${isTarget}
    ORDER BY m.seq ${order}`,
    );
  return {
    // Kept apart, so that the size of a row is found once, and of those that are skipped not at all.
    shared: statement('', `SELECT m.*, ${isLarger('m', ':part::int')} AS large FROM (${slice}) m OFFSET 0`),
    counted: statement('counted_', `${withinBytes(slice, `n.seq ${order}`)} AND :part::int IS NOT NULL`),
  };
};

const listStatements = <Row extends object>(name: string, format: RowFormat, columns: string) => ({
  asc: listInOrder<Row>('asc', name, format, columns),
  desc: listInOrder<Row>('desc', name, format, columns),
});

export type Lists<Row extends object> = ReturnType<typeof listStatements<Row>>;

export const LISTS = listStatements<MessageRow>('messages_list', { isoTimes: true }, OWN_COLUMNS);
export const UNPARSED = listStatements<UnparsedRow>('messages_list_unparsed', { rawJson: true }, UNPARSED_COLUMNS);
