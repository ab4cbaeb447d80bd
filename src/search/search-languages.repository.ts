import { Injectable } from '@nestjs/common';
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

@Injectable()
export class SearchLanguagesRepository {
  async find(tx: TenantTx): Promise<Languages> {
    const text = `SELECT coalesce(l.used, '{}') AS used, ${AVAILABLE} AS available FROM (VALUES (1)) one LEFT JOIN (${ROW}) l ON true`;
    return (await tx.query<Languages>({ name: 'search_languages_find', text }))[0];
  }

  /** The same; the organization's row is held until the transaction ends. */
  async lock(tx: TenantTx): Promise<Languages> {
    return (await tx.query<Languages>({ name: 'search_languages_lock', text: `${ROW} FOR UPDATE OF o` }))[0];
  }

  async update(tx: TenantTx, languages: string[]): Promise<void> {
    const text = `UPDATE organizations SET settings = jsonb_set(settings, '{search_languages}', to_jsonb($1::text[]))
      WHERE id = current_setting('app.org_id')`;
    await tx.execute({ name: 'search_languages_update', text }, [languages]);
  }
}
