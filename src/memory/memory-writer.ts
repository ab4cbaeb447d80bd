import { Inject, Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../organizations';
import { commonErrors } from '../common/errors';
import { exceedsJsonBytes, parseTime } from '../common/json';
import { checkCount } from '../http/request/limits';
import { checkVersion, type Precondition } from '../http/request/versions';
import { CONFIG, type Config } from '../config/config';
import type { TenantTx } from '../database/door/tenant-database';
import { SessionOpeningService } from '../sessions';
import { memoryErrors } from './memory.errors';
import { MemoryRepository, type MemoryRow, type MemoryScope, type SaveDetails } from './memory.repository';

/** What a save is given beside its values. */
export interface SaveOptions {
  session_id?: string;
  /** ISO-8601 or milliseconds since 1970. */
  expires_at?: string | number | null;
  ttl_seconds?: number;
  /** Who saves, for the history; by default the user. */
  savedBy?: string;
}

/** A save that is ready to be written. */
interface SaveRequest {
  readonly scope: MemoryScope;
  readonly entries: Record<string, unknown>;
  readonly details: SaveDetails;
}

/** Writes entries inside a transaction of the service. */
@Injectable()
export class MemoryWriter {
  constructor(
    private readonly memories: MemoryRepository,
    private readonly organizations: OrganizationsService,
    private readonly sessions: SessionOpeningService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** How many earlier values of a key are kept. */
  get historyLimit(): number {
    return this.config.env.MEMORY_HISTORY_LIMIT;
  }

  /** @throws TOO_MANY_ITEMS, MEMORY_VALUE_TOO_LARGE, BAD_REQUEST for an expiry that makes no sense */
  prepare(principal: Principal, entries: Record<string, unknown>, options: SaveOptions): SaveRequest {
    const { MESSAGE_BATCH_LIMIT, MEMORY_VALUE_LIMIT_BYTES } = this.config.env;
    const values = Object.values(entries);
    checkCount(values, MESSAGE_BATCH_LIMIT);
    if (values.some((value) => exceedsJsonBytes(value, MEMORY_VALUE_LIMIT_BYTES))) {
      throw memoryErrors.MEMORY_VALUE_TOO_LARGE(MEMORY_VALUE_LIMIT_BYTES);
    }
    const { session_id: sessionId, savedBy = principal.userId } = options;
    return {
      scope: { orgId: principal.orgId, userId: principal.userId, sessionId },
      entries,
      details: { ...lifetime(options), savedBy, historyLimit: this.historyLimit },
    };
  }

  /**
   * The short way: one statement, for one key that is there.
   * @returns `undefined` when it is not there or at another version
   */
  update(
    tx: TenantTx,
    { scope, entries, details }: SaveRequest,
    expected?: Precondition,
  ): Promise<MemoryRow | undefined> {
    return this.memories.update(tx, scope, Object.entries(entries)[0], details, expected?.version);
  }

  /**
   * The long way: makes what is missing, be it user, session or entries.
   * @param expected of a single key; version 0 stands for none
   * @throws MEMORY_LIMIT_REACHED, PRECONDITION_FAILED, VERSION_CONFLICT
   */
  async write(tx: TenantTx, principal: Principal, request: SaveRequest, expected?: Precondition): Promise<MemoryRow[]> {
    const { scope, entries, details } = request;
    if (scope.sessionId !== undefined) {
      const { session } = await this.sessions.open(tx, principal, scope.sessionId);
      await this.sessions.keepAlive(tx, session);
      const known = Object.keys(entries).length === 1 ? await this.update(tx, request, expected) : undefined;
      if (known) return [known];
    }
    await this.organizations.ensure(tx, scope.userId);
    // Whoever adds entries holds the user's row first, so that neither the count nor the order of locks can go wrong.
    await this.memories.lockUser(tx, scope);
    await this.memories.deleteExpired(tx, scope, Object.keys(entries));
    const saved = await this.memories.insertOrUpdate(tx, scope, entries, details);
    // The statement has locked the row, so this is the version that it replaced; an error takes it all back.
    if (expected) checkVersion(expected, saved[0].version - 1);
    if (saved.some(isNew)) await this.checkLimit(tx, scope);
    return saved;
  }

  /** What nobody can read any more does not count. @throws MEMORY_LIMIT_REACHED */
  private async checkLimit(tx: TenantTx, scope: MemoryScope): Promise<void> {
    const maximum = this.config.env.MEMORY_MAX_ENTRIES;
    if (!(await this.memories.exceeds(tx, scope, maximum))) return;
    const removed = await this.memories.deleteDead(tx, scope);
    if (removed === 0 || (await this.memories.exceeds(tx, scope, maximum)))
      throw memoryErrors.MEMORY_LIMIT_REACHED(maximum);
  }
}

/** The first save of a key, or the first after its time was over. */
export const isNew = ({ version }: MemoryRow) => version === 1;

/** @throws BAD_REQUEST */
function lifetime({ expires_at, ttl_seconds }: SaveOptions): Pick<SaveDetails, 'expiresAt' | 'ttlSeconds'> {
  const expiresAt = parseTime(expires_at);
  if (expiresAt && ttl_seconds !== undefined)
    throw commonErrors.BAD_REQUEST('Use expires_at or ttl_seconds, not both.');
  if (expiresAt && expiresAt.getTime() <= Date.now())
    throw commonErrors.BAD_REQUEST('expires_at must be in the future.');
  return { expiresAt, ttlSeconds: ttl_seconds };
}
