import { Injectable } from '@nestjs/common';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';

export interface Languages {
  /** The newest first; none: nobody has said. */
  used: string[];
  available: string[];
}

const AVAILABLE = `(
  SELECT array_agg(c.cfgname::text ORDER BY c.cfgname) FROM pg_ts_config c WHERE c.cfgnamespace = 'pg_catalog'::regnamespace)`;
const USED = `coalesce((
  SELECT array_agg(l ORDER BY n) FROM jsonb_array_elements_text(o.settings->'search_languages') WITH ORDINALITY AS i(l, n)), '{}')`;
const ROW = `SELECT ${USED} AS used, ${AVAILABLE} AS available FROM organizations o WHERE o.id = current_setting('app.org_id')`;

const FIND = sql<never, Languages>('search_languages_find')`
  SELECT coalesce(l.used, '{}') AS used, ${AVAILABLE} AS available FROM (VALUES (1)) one LEFT JOIN (${ROW}) l ON true`;

const LOCK = sql<never, Languages>('search_languages_lock')`${ROW} FOR UPDATE OF o`;

const UPDATE = sql<'languages'>('search_languages_update')`
  UPDATE organizations SET settings = jsonb_set(settings, '{search_languages}', to_jsonb(:languages::text[]))
  WHERE id = current_setting('app.org_id')`;

@Injectable()
export class SearchLanguagesRepository {
  async find(tx: TenantTx): Promise<Languages> {
    return (await tx.query(FIND))[0];
  }

  /** The same; the organization's row is held until the transaction ends. */
  async lock(tx: TenantTx): Promise<Languages> {
    return (await tx.query(LOCK))[0];
  }

  async update(tx: TenantTx, languages: string[]): Promise<void> {
    await tx.execute(UPDATE, { languages });
  }
}
