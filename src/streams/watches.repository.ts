import { Injectable } from '@nestjs/common';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { visibleTo } from '../threads';
import type { Watched } from './stream';

/** A thread that is still in sight of a stream. */
interface Sighting {
  /** Place of the stream in the list, from 1. */
  position: number;
  version: number;
  at: number;
}

const READER = { orgId: ':orgId', userId: 'w.user_id', seesOrganization: 'w.sees_organization' };

type Names = 'orgId' | 'userIds' | 'seeOrganization' | 'threadIds' | 'sessionIds';

const SIGHTINGS = sql<Names, Sighting>('live_sightings')`
  SELECT w.position, t.version, extract(epoch FROM now())::bigint AS at
  FROM unnest(:userIds::text[], :seeOrganization::boolean[], :threadIds::uuid[], :sessionIds::text[])
    WITH ORDINALITY AS w (user_id, sees_organization, thread_id, session_id, position)
  JOIN threads t ON ${visibleTo('t', READER)} AND t.id = w.thread_id
    AND (w.session_id IS NULL OR t.session_id = w.session_id)`;

@Injectable()
export class WatchesRepository {
  /** Of these streams, those whose thread is still in sight; a session's, while it is that session's. */
  sightings(tx: TenantTx, orgId: string, streams: Watched[]): Promise<Sighting[]> {
    return tx.query(SIGHTINGS, {
      orgId,
      userIds: streams.map(({ principal }) => principal.userId),
      seeOrganization: streams.map(({ principal }) => principal.seesOrganization),
      threadIds: streams.map(({ threadId }) => threadId),
      sessionIds: streams.map(({ target }) => (target.by === 'session' ? target.id : null)),
    });
  }
}
