import { Injectable } from '@nestjs/common';
import { isUuid } from '../../common/ids';
import { DEFAULT_LIMIT, type Page, type PageQuery, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { TenantDatabase } from '../../database/door/tenant-database';
import { type KeyView, type RevokedKeyView, toKeyView } from './api-keys.dto';
import { ApiKeysRepository } from './api-keys.repository';
import { authErrors } from '../auth.errors';
import { KeyVerifier } from './key-verifier.service';
import type { Principal } from '../../organizations/principal';

/** Shows and revokes the API keys of an organization. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly keys: ApiKeysRepository,
    private readonly verifier: KeyVerifier,
  ) {}

  /** The keys that are not revoked; newest first unless `order` says otherwise. */
  async list(principal: Principal, query: PageQuery): Promise<Page<KeyView>> {
    const { limit = DEFAULT_LIMIT, offset = 0, order = 'desc' } = query;
    const after = positionOf(query, [isUuid])?.[0] as string | undefined;
    const slice = { after, offset, order, limit: rowsFor(limit) };
    const rows = await this.db.readOne(principal, (tx) => this.keys.list(tx, slice));
    return toPage(rows, limit, toKeyView, (row) => [row.id]);
  }

  /** @throws KEY_NOT_FOUND also for a revoked key */
  async get(principal: Principal, id: string): Promise<KeyView> {
    const row = isUuid(id) ? await this.db.readOne(principal, (tx) => this.keys.find(tx, id)) : undefined;
    if (!row) throw authErrors.KEY_NOT_FOUND(id);
    return toKeyView(row);
  }

  /**
   * Revokes a key: this instance refuses it from now on, every other one within a second.
   * @throws KEY_NOT_FOUND also when it was revoked before
   */
  async revoke(principal: Principal, id: string): Promise<RevokedKeyView> {
    const revoked = isUuid(id) && (await this.db.runOne(principal, (tx) => this.keys.revoke(tx, id)));
    if (!revoked) throw authErrors.KEY_NOT_FOUND(id);
    this.verifier.forget(id.toLowerCase());
    return { deleted: true, id: id.toLowerCase() };
  }
}
