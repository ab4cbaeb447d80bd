import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/door/tenant-database';
import { visibleTo } from '../threads/thread-access';
import type { Watched } from './stream';

/** A thread that is still in sight of a stream. */
export interface Sighting {
  /** Place of the stream in the list, from 1. */
  position: number;
  version: number;
  at: number;
}

const READER = { orgId: '$1', userId: 'w.user_id', seesOrganization: 'w.sees_organization' };

@Injectable()
export class WatchesRepository {
  /** Of these streams, those whose thread is still in sight; a session's, while it is that session's. */
  sightings(tx: TenantTx, orgId: string, streams: Watched[]): Promise<Sighting[]> {
    const text = `
      SELECT w.position, t.version, extract(epoch FROM now())::bigint AS at
      FROM unnest($2::text[], $3::boolean[], $4::uuid[], $5::text[])
        WITH ORDINALITY AS w (user_id, sees_organization, thread_id, session_id, position)
      JOIN threads t ON ${visibleTo('t', READER)} AND t.id = w.thread_id
        AND (w.session_id IS NULL OR t.session_id = w.session_id)`;
    const sessions = streams.map(({ target }) => (target.by === 'session' ? target.id : null));
    const values = [
      orgId,
      streams.map(({ principal }) => principal.userId),
      streams.map(({ principal }) => principal.seesOrganization),
      streams.map(({ threadId }) => threadId),
      sessions,
    ];
    return tx.query({ name: 'live_sightings', text }, values);
  }
}
