import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../common/errors';
import { isUuid, newId } from '../../common/ids';
import { parseTime } from '../../common/json';
import { DEFAULT_LIMIT, type Page, type PageQuery, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { TenantDatabase } from '../../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../../idempotency';
import { OrganizationsService, type Principal } from '../../organizations';
import { formatKey, hashSecret, newSecret } from './api-key';
import {
  type CreatedKeyView,
  type CreateKeyRequest,
  type KeyView,
  type RevokedKeyView,
  toKeyView,
} from './api-keys.dto';
import { ApiKeysRepository } from './api-keys.repository';
import { authErrors } from '../auth.errors';
import { KeyVerifier } from './key-verifier.service';

/** Makes, shows and revokes the API keys of an organization. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly keys: ApiKeysRepository,
    private readonly verifier: KeyVerifier,
    private readonly idempotency: IdempotencyService,
    private readonly organizations: OrganizationsService,
  ) {}

  /**
   * Makes a key, and the organization and user that it names where they are new.
   * @returns the key's description with the key itself, which cannot be had again: a repeated request gets `key: null`
   * @throws VALIDATION_FAILED, IDEMPOTENCY_KEY_REUSED
   */
  async create(
    principal: Principal,
    request: CreateKeyRequest,
    idempotencyKey?: IdempotencyKey,
  ): Promise<CreatedKeyView> {
    const { role } = request;
    const userId = chooseUser(request);
    const expires_at = chooseExpiry(request);
    const [id, secret] = [newId(), newSecret()];
    const key = { id, name: request.name.trim(), role, user_id: userId, secret_hash: hashSecret(secret), expires_at };
    const view = await this.idempotency.once(principal, idempotencyKey, async (tx) => {
      if (userId === null) await this.organizations.ensureOrganization(tx);
      else await this.organizations.ensure(tx, userId, role);
      return toKeyView(await this.keys.insert(tx, principal.orgId, key));
    });
    // The answer that is kept for repetitions has no secret: only its hash is stored, anywhere.
    return { ...view, key: view.id === id ? formatKey({ id, secret }) : null };
  }

  /** The keys that are not revoked; newest first unless `order` says otherwise. */
  async list(principal: Principal, query: PageQuery): Promise<Page<KeyView>> {
    const { limit = DEFAULT_LIMIT, offset = 0, order = 'desc' } = query;
    const after = positionOf(query, [isUuid])?.[0] as string | undefined;
    const slice = { after, offset, order, limit: rowsFor(limit) };
    const rows = await this.db.readOne(principal, (tx) => this.keys.list(tx, principal.orgId, slice));
    return toPage(rows, limit, toKeyView, (row) => [row.id]);
  }

  /** @throws KEY_NOT_FOUND also for a revoked key */
  async get(principal: Principal, id: string): Promise<KeyView> {
    const { orgId } = principal;
    const row = isUuid(id) && (await this.db.readOne(principal, (tx) => this.keys.find(tx, orgId, id)));
    if (!row) throw authErrors.KEY_NOT_FOUND(id);
    return toKeyView(row);
  }

  /**
   * Revokes a key: this instance refuses it from now on, every other one within a second.
   * @throws KEY_NOT_FOUND also when it was revoked before
   */
  async revoke(principal: Principal, id: string): Promise<RevokedKeyView> {
    const { orgId } = principal;
    const revoked = isUuid(id) && (await this.db.runOne(principal, (tx) => this.keys.revoke(tx, orgId, id)));
    if (!revoked) throw authErrors.KEY_NOT_FOUND(id);
    this.verifier.forget(id.toLowerCase());
    return { deleted: true, id: id.toLowerCase() };
  }
}

const invalid = (field: string, message: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message: `${field} ${message}` }] });

/** Whom a key acts as; null for a service, whose requests name their user. */
function chooseUser({ role, user_id }: CreateKeyRequest): string | null {
  if (role === 'member' && !user_id) throw invalid('user_id', 'is required for a member key');
  if (role !== 'service') return user_id ?? 'admin';
  if (user_id) throw invalid('user_id', 'is not allowed for a service key: X-User-Id names the user of each request');
  return null;
}

function chooseExpiry({ expires_at }: CreateKeyRequest): Date | null {
  if (expires_at === undefined || expires_at === null) return null;
  const time = parseTime(expires_at);
  if (!time || time.getTime() <= Date.now()) throw invalid('expires_at', 'must be in the future');
  return time;
}
