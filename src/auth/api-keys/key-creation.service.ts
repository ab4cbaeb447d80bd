import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../common/errors';
import { newId } from '../../common/ids';
import { parseTime } from '../../common/json';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import type { IdempotencyKey } from '../../idempotency/idempotency-key';
import { OrganizationsService } from '../../organizations/organizations.service';
import { formatKey, hashSecret, newSecret } from './api-key';
import { type CreatedKeyView, type CreateKeyRequest, toKeyView } from './api-keys.dto';
import { ApiKeysRepository } from './api-keys.repository';
import type { Principal } from '../../organizations/principal';

/** Makes API keys. */
@Injectable()
export class KeyCreationService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly organizations: OrganizationsService,
    private readonly keys: ApiKeysRepository,
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
      return toKeyView(await this.keys.insert(tx, key));
    });
    // The answer that is kept for repetitions has no secret: only its hash is stored, anywhere.
    return { ...view, key: view.id === id ? formatKey({ id, secret }) : null };
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
