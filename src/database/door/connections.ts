import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { Release } from '../../common/lanes';
import { CONFIG, type Config } from '../../config/config';
import { Admission } from './admission';
import { FellSilent, isOutdated, READ_ONLY } from './database.errors';

/** How long PostgreSQL may take to hang up. */
const LEAVE_LIMIT_MS = 5000;

/**
 * A connection to PostgreSQL that hears of its own failure from its birth on. pg-pool listens to those that nobody uses, and
 * takes its listener away before it hands a new one out: a FATAL that comes in one packet with the server's greeting would
 * meet none, and end the process. Whoever uses the connection learns of the failure from the next statement.
 */
export class DatabaseClient extends Client {
  /** When PostgreSQL has answered all that it was asked; of a new connection, that is now. */
  heardAt = Infinity;
  /** Whether a new connection serves better: this one leads to a server that writes nothing, or has prepared what is outdated. */
  isUnfit = false;
  /** Hears of it at once. */
  onUnfit?: () => void;

  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => undefined);
    this.connection.on('errorMessage', (error: { code?: string }) => {
      if (error.code !== READ_ONLY && !isOutdated(error)) return;
      this.isUnfit = true;
      this.onUnfit?.();
    });
  }

  /** What is sent leaves by it. With TLS it is another one than at the beginning. */
  get stream(): Socket {
    return this.connection.stream as Socket;
  }

  /** The statement that PostgreSQL has yet to answer, or its end; the same object for as long as nothing comes. */
  get awaited(): object | undefined {
    const { readyForQuery, _activeQuery } = this as unknown as { readyForQuery: boolean; _activeQuery: object | null };
    return readyForQuery || this.stream.destroyed ? undefined : (_activeQuery ?? this);
  }

  /** Breaks the connection: a farewell would wait for an answer. */
  destroy(cause?: Error): void {
    this.stream.destroy(cause);
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | void {
    const { stream } = this;
    const late = setTimeout(() => stream.destroy(), LEAVE_LIMIT_MS).unref();
    stream.once('close', () => clearTimeout(late));
    return callback ? super.end(callback) : super.end();
  }
}

type Query = Client['query'];

/**
 * Sends statements without their names. Behind a pooler each transaction may be on another connection, where nothing was
 * prepared under the name, or something else was.
 */
export class UnnamedClient extends DatabaseClient {
  override query: Query = ((query: unknown, ...rest: unknown[]) => {
    const send = super.query.bind(this) as (...all: unknown[]) => unknown;
    return isNamed(query) ? send({ ...query, name: undefined }, ...rest) : send(query, ...rest);
  }) as Query;
}

const isNamed = (query: unknown): query is { name: string } =>
  typeof query === 'object' && query !== null && 'name' in query && !('submit' in query);

/** How often it is looked who waits. */
const LOOK_MS = 500;
/** What an answer may take beyond what the statement may: the way there and back. */
export const GRACE_MS = 5000;

/** A connection for one transaction. */
interface Lease {
  readonly client: DatabaseClient;
  /** How long a statement may run. */
  readonly limitMs: number;
  /**
   * Gives the connection back if its transaction has ended; otherwise it is destroyed, because the next borrower would find
   * itself in the old tenant's transaction.
   */
  readonly release: () => void;
}

/** What a transaction waits for, and since when. */
interface Wait {
  awaited?: object;
  ms: number;
}

/**
 * Lends the connections of the pool. A connection may die without a word: a firewall forgets it, a host vanishes, a proxy
 * swallows what is sent. PostgreSQL ends a statement that runs for too long, and says so; when no answer has come some
 * seconds later, the connection is destroyed, and who waits hears of it. That goes for every statement, COMMIT included.
 */
@Injectable()
export class Connections {
  private readonly logger = new Logger('Database');
  private readonly lent = new Map<Lease, Wait>();
  private looking?: NodeJS.Timeout;
  private lookedAt = 0;
  /** Connections that have not been heard of since then may have died with one that has. */
  private trustedSince = 0;

  readonly admission: Admission;

  constructor(
    readonly dataSource: DataSource,
    @Inject(CONFIG) { env }: Config,
  ) {
    this.admission = new Admission(env);
  }

  /**
   * @param limitMs how long a statement may run; 0: it may wait for ever
   * @param orgId whose transaction it is: an organization has some of the connections only
   * @throws when the pool has none in time, or PostgreSQL is away; STORE_UNAVAILABLE
   */
  async lend(limitMs: number, orgId?: string): Promise<Lease> {
    const leave = orgId === undefined ? undefined : await this.admission.enter(orgId);
    try {
      return await this.take(limitMs || Infinity, leave);
    } catch (error) {
      leave?.();
      throw error;
    }
  }

  private async take(limitMs: number, leave?: Release): Promise<Lease> {
    const driver = this.dataSource.driver as PostgresDriver;
    for (;;) {
      const [client, done] = (await driver.obtainMasterConnection()) as [DatabaseClient, (destroy: boolean) => void];
      if (client.heardAt >= this.trustedSince)
        return this.lease(client, limitMs, (destroy) => (done(destroy), leave?.()));
      client.destroy();
      done(true);
    }
  }

  /** Whether an answer is overdue: PostgreSQL should have ended the statement, and has not said so. */
  get overdue(): boolean {
    return [...this.lent].some(([{ limitMs }, { ms }]) => ms > limitMs);
  }

  /** Connections, those that nobody uses, and transactions that wait for one. */
  get stats(): { total: number; idle: number; waiting: number } {
    const pool = (this.dataSource.driver as PostgresDriver).master as Record<string, number> | undefined;
    const waiting = this.admission.waiting + (pool?.waitingCount ?? 0);
    return { total: pool?.totalCount ?? 0, idle: pool?.idleCount ?? 0, waiting };
  }

  private lease(client: DatabaseClient, limitMs: number, done: (destroy: boolean) => void): Lease {
    const release = () => {
      this.lent.delete(lease);
      const now = performance.now();
      const destroy = client.isUnfit || client.getTransactionStatus() !== 'I';
      if (destroy) client.destroy();
      else client.heardAt = now;
      done(destroy);
    };
    const lease = { client, limitMs, release };
    // So are the others, most likely.
    client.onUnfit = () => (this.trustedSince = performance.now());
    this.lent.set(lease, { ms: 0 });
    this.looking ??= this.beginLooking();
    return lease;
  }

  private beginLooking(): NodeJS.Timeout {
    this.lookedAt = performance.now();
    return setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** One timer for all, and nothing to do for a statement: whoever waits for the same as last time has waited since. */
  private look(): void {
    const now = performance.now();
    // A process that stood still itself has yet to read what has come meanwhile.
    const passed = Math.min(now - this.lookedAt, 2 * LOOK_MS);
    this.lookedAt = now;
    for (const [lease, wait] of this.lent) {
      const { awaited } = lease.client;
      wait.ms = awaited && awaited === wait.awaited ? wait.ms + passed : 0;
      wait.awaited = awaited;
      if (wait.ms > lease.limitMs + GRACE_MS) this.giveUp(lease, wait);
    }
    if (this.lent.size > 0) return;
    clearInterval(this.looking);
    this.looking = undefined;
  }

  private giveUp({ client }: Lease, { ms }: Wait): void {
    this.logger.warn(`PostgreSQL has not answered for ${Math.round(ms)} ms: the connection is given up`);
    this.trustedSince = Math.max(this.trustedSince, performance.now() - ms);
    client.destroy(new FellSilent(ms));
  }
}
