import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CONFIG, type Config } from '../../config/config';
import { SystemDatabase } from '../../database/door/system-database';
import { matchesHash, parseKey } from './api-key';
import { ApiKeysRepository, type KnownKey } from './api-keys.repository';
import { authErrors, challenge } from '../auth.errors';

const MAX_ENTRIES = 10_000;
const POLL_MS = 400;
/** How long what the database said may be relied on: a revocation reaches every instance within a second. */
const TRUST_MS = 900;
/** A look-up under way serves other requests for the same key only while it is this young. */
const SHARE_MS = 400;
const TOUCH_MS = 60_000;

interface Entry {
  key: KnownKey;
  /** When its look-up started. */
  since: number;
}

interface LookUp {
  key: Promise<KnownKey | undefined>;
  since: number;
}

/**
 * Checks API keys, remembering those it has seen. Revocations are polled for, because LISTEN does not work behind
 * PgBouncer; what is remembered counts only while the polls succeed, so that no failure prolongs a revoked key's life.
 */
@Injectable()
export class KeyVerifier implements OnModuleDestroy {
  private readonly cache?: LRUCache<string, Entry>;
  private readonly touched = new LRUCache<string, true>({ max: MAX_ENTRIES, ttl: TOUCH_MS });
  private readonly lookUps = new Map<string, LookUp>();
  private timer?: NodeJS.Timeout;
  private polling = false;
  private closed = false;
  /** When the newest poll that succeeded was started, on this process's clock. */
  private polledAt = -Infinity;
  /** The same on the database's clock; the next poll goes on from there, however long ago it was. */
  private polledUntil?: Date;

  constructor(
    private readonly db: SystemDatabase,
    private readonly keys: ApiKeysRepository,
    @Inject(CONFIG) { env }: Config,
  ) {
    const ttl = env.API_KEY_CACHE_SECONDS * 1000;
    if (ttl > 0) this.cache = new LRUCache({ max: MAX_ENTRIES, ttl });
  }

  /**
   * The key that a text is.
   * @throws INVALID_API_KEY, STORE_UNAVAILABLE
   */
  async verify(text: string): Promise<KnownKey> {
    const parsed = parseKey(text);
    const key = parsed && (this.remembered(parsed.id) ?? (await this.lookUp(parsed.id)));
    const valid = key && matchesHash(parsed.secret, key.secret_hash) && !hasExpired(key);
    if (!valid) throw challenge(authErrors.INVALID_API_KEY());
    this.touch(key.id);
    return key;
  }

  /** Forgets a key that this instance has revoked, without waiting for the poll. */
  forget(id: string): void {
    this.cache?.delete(id);
    this.lookUps.delete(id);
  }

  onModuleDestroy(): void {
    // Requests may still be under way; what they look up must not start the timer again.
    this.closed = true;
    clearInterval(this.timer);
  }

  private remembered(id: string): KnownKey | undefined {
    const entry = this.cache?.get(id);
    if (!entry) return undefined;
    const confirmed = Math.max(entry.since, this.polledAt);
    return performance.now() - confirmed < TRUST_MS ? entry.key : undefined;
  }

  private lookUp(id: string): Promise<KnownKey | undefined> {
    const now = performance.now();
    const running = this.lookUps.get(id);
    if (running && now - running.since < SHARE_MS) return running.key;
    const lookUp: LookUp = { since: now, key: this.db.run((tx) => this.keys.lookUp(tx, id)) };
    this.lookUps.set(id, lookUp);
    const remember = (key?: KnownKey) => this.remember(id, lookUp, key);
    lookUp.key.then(remember, () => remember());
    return lookUp.key;
  }

  private remember(id: string, lookUp: LookUp, key?: KnownKey): void {
    // Forgotten meanwhile, or overtaken by a younger one.
    if (this.lookUps.get(id) !== lookUp) return;
    this.lookUps.delete(id);
    if (!key || !this.cache || this.closed || performance.now() - lookUp.since > TRUST_MS) return;
    this.cache.set(id, { key, since: lookUp.since });
    if (!this.timer) this.startPolling();
  }

  private startPolling(): void {
    this.polledUntil = undefined;
    this.timer = setInterval(() => void this.poll(), POLL_MS).unref();
    void this.poll();
  }

  private async poll(): Promise<void> {
    this.cache?.purgeStale();
    if (!this.cache?.size) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    if (this.polling) return;
    this.polling = true;
    const started = performance.now();
    try {
      const { ids, polled_at } = await this.db.run((tx) => this.keys.revokedSince(tx, this.polledUntil));
      for (const id of ids) this.forget(id);
      this.polledAt = started;
      this.polledUntil = polled_at;
    } catch {
      // Nothing is remembered on the strength of a failed poll: after TRUST_MS, keys are looked up again.
    } finally {
      this.polling = false;
    }
  }

  private touch(id: string): void {
    if (this.touched.has(id)) return;
    this.touched.set(id, true);
    // Only a statistic: it delays no request and fails none.
    this.db.run((tx) => this.keys.touch(tx, id)).catch(() => undefined);
  }
}

const hasExpired = (key: KnownKey) => key.expires_at !== null && key.expires_at.getTime() <= Date.now();
