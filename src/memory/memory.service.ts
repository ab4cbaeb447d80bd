import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { commonErrors } from '../common/errors';
import { isPlainId } from '../common/ids';
import type { Json } from '../common/json';
import { timeRange } from '../http/request/limits';
import { DEFAULT_LIMIT, positionOf, rowsFor, toPage } from '../http/request/paging';
import { checkVersion, precondition } from '../http/request/versions';
import { CONFIG, type Config } from '../config/config';
import { shareOf } from '../config/process-shares';
import { TenantDatabase } from '../database/door/tenant-database';
import { SearchGate } from '../search';
import {
  type ClearedMemory,
  type DeletedMemory,
  type FoundMemories,
  type ListMemoriesQuery,
  MAP_LIMIT,
  type MemoryBatch,
  type MemoryHistory,
  type MemoryHistoryQuery,
  type MemoryList,
  type MemoryMap,
  type MemoryView,
  type SearchMemoriesQuery,
  toMemoryVersionView,
  toMemoryView,
} from './memory.dto';
import type { MemoryVersion } from './memory-version.entity';
import { MemoryListRepository } from './memory-list.repository';
import { isNew, MemoryWriter, type SaveOptions } from './memory-writer';
import { memoryErrors } from './memory.errors';
import { MemoryRepository, type MemoryRow, type MemoryScope } from './memory.repository';

const DEFAULT_MATCHES = 10;
/** At the same time, on this instance, and for how long each. */
const MAX_SEARCHES = 2;
const MAX_SEARCH_MS = 2000;
const ABSENT = 'If-Match: * changes only what is there, and there is no such key.';

/** What one save rests on. Version 0: that there is no such key. */
export interface SaveConditions {
  version?: number;
  expected_version?: number;
  /** From a header, where a failure is 412 instead of 409. */
  ifMatch?: number;
  /** `If-Match: *`: the key is there, at whatever version. */
  mustExist?: boolean;
  /** `If-None-Match: *`: there is no such key yet; `ifMatch` is 0. */
  mustBeNew?: boolean;
}

/** Keyed facts of the principal's user, or of one of that user's sessions. */
@Injectable()
export class MemoryService {
  private readonly searches: SearchGate;

  constructor(
    private readonly db: TenantDatabase,
    private readonly writer: MemoryWriter,
    private readonly memories: MemoryRepository,
    private readonly lists: MemoryListRepository,
    @Inject(CONFIG) { env }: Config,
  ) {
    this.searches = new SearchGate(db, shareOf(env, MAX_SEARCHES), MAX_SEARCH_MS);
  }

  /**
   * Saves a key; the newest save wins, unless it rests on a version. A new key has version 1.
   * @throws MEMORY_VALUE_TOO_LARGE, MEMORY_LIMIT_REACHED, PRECONDITION_FAILED, VERSION_CONFLICT, BAD_REQUEST
   */
  async put(
    principal: Principal,
    key: string,
    body: SaveOptions & SaveConditions & { value: Json },
  ): Promise<MemoryView> {
    const request = this.writer.prepare(principal, { [key]: body.value }, body);
    const expected = { ...precondition(body.ifMatch, body), mustBeNew: body.mustBeNew };
    // Most saves of a user's own entry change one that is there: one statement, one round trip.
    const isShort = request.scope.sessionId === undefined;
    const known = isShort && (await this.db.runOne(principal, (tx) => this.writer.update(tx, request, expected)));
    if (known) return toMemoryView(known);
    return this.db.run(principal, async (tx) => {
      const [saved] = await this.writer.write(tx, principal, request, expected);
      if (isNew(saved) && body.mustExist)
        throw commonErrors.PRECONDITION_FAILED(0, ABSENT).with({ members: { current_version: 0 } });
      return toMemoryView(saved);
    });
  }

  /** Saves several keys, all or none. @throws TOO_MANY_ITEMS, and as `put` */
  async putMany(principal: Principal, body: SaveOptions & { memories: Record<string, Json> }): Promise<MemoryBatch> {
    const request = this.writer.prepare(principal, body.memories, body);
    const saved = await this.db.run(principal, (tx) => this.writer.write(tx, principal, request));
    return { data: saved.map(toMemoryView), created: saved.filter(isNew).length };
  }

  /** @throws MEMORY_NOT_FOUND */
  async get(principal: Principal, key: string, sessionId?: string): Promise<MemoryView> {
    const scope = scopeOf(principal, sessionId);
    const memory = await this.db.readOne(principal, (tx) => this.memories.find(tx, scope, key), { rows: 1 });
    if (!memory) throw memoryErrors.MEMORY_NOT_FOUND(key);
    return toMemoryView(memory);
  }

  /** Values by key: what a context is built from. Up to 1000 of them, then `has_more`. @throws as `list` */
  async map(principal: Principal, query: ListMemoriesQuery = {}): Promise<MemoryMap> {
    const { data, ...page } = await this.list(principal, { ...query, limit: query.limit ?? MAP_LIMIT });
    return { memories: Object.fromEntries(data.map(({ key, value }) => [key, value])), ...page };
  }

  /** @throws INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
  async list(principal: Principal, query: ListMemoriesQuery): Promise<MemoryList> {
    const { limit = DEFAULT_LIMIT, order = 'asc', offset = 0 } = query;
    const scope = scopeOf(principal, query.session_id);
    const updated = timeRange('updated_from', query.updated_from, query.updated_to);
    const { key, prefix } = query;
    const filter = {
      key,
      prefix,
      includeUser: query.include_user === 'true',
      updatedFrom: updated.from,
      updatedTo: updated.to,
    };
    const after = positionOf(query, [isPlainId])?.[0];
    const slice = { order, after, offset, limit: rowsFor(limit) };
    const [rows, total] = await this.db.read(
      principal,
      async (tx) =>
        [
          await this.lists.list(tx, scope, filter, slice),
          query.include_total === 'true' ? await this.lists.total(tx, scope, filter) : undefined,
        ] as const,
    );
    const page = toPage(rows, limit, toMemoryView, (memory: MemoryRow) => [memory.key]);
    return { ...page, ...(total === undefined ? {} : { total }) };
  }

  /** Values that the key had before, newest first. @throws MEMORY_NOT_FOUND, INVALID_CURSOR, BAD_REQUEST */
  async history(principal: Principal, key: string, query: MemoryHistoryQuery): Promise<MemoryHistory> {
    const { limit = DEFAULT_LIMIT, order = 'desc', offset = 0 } = query;
    const after = positionOf(query, [Number.isSafeInteger])?.[0];
    const slice = { order, after, offset, limit: rowsFor(limit) };
    const scope = scopeOf(principal, query.session_id);
    const rows = await this.db.readOne(principal, (tx) =>
      this.lists.history(tx, scope, key, slice, this.writer.historyLimit),
    );
    if (!rows) throw memoryErrors.MEMORY_NOT_FOUND(key);
    return toPage(rows, limit, toMemoryVersionView, (row: MemoryVersion) => [row.version]);
  }

  /** Deletes a key of that one scope, with its history (S37). @throws MEMORY_NOT_FOUND, PRECONDITION_FAILED */
  async delete(principal: Principal, key: string, sessionId?: string, ifMatch?: number): Promise<DeletedMemory> {
    const scope = scopeOf(principal, sessionId);
    await this.db.run(principal, async (tx) => {
      const deleted = await this.memories.delete(tx, scope, key, ifMatch);
      if (deleted) return;
      const memory = await this.memories.find(tx, scope, key);
      if (memory) checkVersion(precondition(ifMatch), memory.version);
      throw memoryErrors.MEMORY_NOT_FOUND(key);
    });
    return { deleted: true, success: true, key };
  }

  /** Deletes everything of the user, of all sessions too (S38); with a session only what is the session's. */
  async clear(principal: Principal, sessionId?: string): Promise<ClearedMemory> {
    const scope = scopeOf(principal, sessionId);
    const count = await this.db.run(principal, async (tx) => {
      await this.memories.lockUser(tx, scope);
      return this.memories.clear(tx, scope);
    });
    return { count };
  }

  /**
   * The best matches in keys and values: words in any form (`running` finds `run`), and words that are spelled alike. In the
   * user's own memory, or in that of a session, or with `include_user` in both. @throws SEARCH_BUSY, SEARCH_TIMEOUT
   */
  async search(principal: Principal, query: SearchMemoriesQuery): Promise<FoundMemories> {
    const { q, session_id: sessionId, include_user, limit = DEFAULT_MATCHES } = query;
    const scopes = sessionId === undefined ? [''] : include_user === 'true' ? ['', sessionId] : [sessionId];
    const { orgId, userId } = principal;
    const rows = await this.searches.read(principal, (tx) =>
      this.lists.search(tx, { orgId, userId }, scopes, q, limit),
    );
    return { data: rows.map((row) => ({ ...toMemoryView(row), score: Math.round(row.score * 1000) / 1000 })) };
  }
}

const scopeOf = ({ orgId, userId }: Principal, sessionId?: string): MemoryScope => ({ orgId, userId, sessionId });
