import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Authenticator } from '../auth';
import { Problem } from '../common/errors';
import { CONFIG, type Config } from '../config/config';
import { TenantDatabase } from '../database/door/tenant-database';
import { notFound } from '../threads';
import type { Watched } from './stream';
import { WatchesRepository } from './watches.repository';

/** How often credentials are looked at: a revoked key and an expired token end their streams within a second or two. */
const CREDENTIALS_MS = 1000;

/**
 * Looks after the streams of this instance: one statement for each organization that has any, every LIVE_POLL_MS, says
 * which threads have changed and which are no longer in sight. LISTEN would not do: it does not work behind PgBouncer,
 * and NOTIFY makes commits wait for each other. Without streams nothing is asked.
 */
@Injectable()
export class WatchesService implements OnModuleDestroy {
  private readonly logger = new Logger('Live');
  private readonly streams = new Set<Watched>();
  private timer?: NodeJS.Timeout;
  private closed = false;
  private checkedAt = performance.now();

  constructor(
    private readonly db: TenantDatabase,
    private readonly watches: WatchesRepository,
    private readonly authenticator: Authenticator,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  add(stream: Watched): void {
    this.streams.add(stream);
    this.schedule();
  }

  drop(stream: Watched): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Something was appended by this instance. */
  wake(threadId: string): void {
    for (const stream of this.streams) if (stream.threadId === threadId) stream.wake();
  }

  onModuleDestroy(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.closed || this.timer || this.streams.size === 0) return;
    this.timer = setTimeout(() => void this.poll(), this.config.env.LIVE_POLL_MS);
  }

  private async poll(): Promise<void> {
    const { timer } = this;
    await this.look();
    if (!this.closed && performance.now() - this.checkedAt >= CREDENTIALS_MS) {
      this.checkedAt = performance.now();
      await this.checkCredentials();
    }
    // The last stream may have gone meanwhile, and another one have come.
    if (this.timer !== timer) return;
    this.timer = undefined;
    this.schedule();
  }

  private async look(): Promise<void> {
    const byOrg = groupBy([...this.streams], ({ principal }) => principal.orgId);
    for (const [orgId, streams] of byOrg) {
      try {
        await this.lookAt(orgId, streams);
      } catch (error) {
        // The streams stay open: what happens while the database is away is read when it is back.
        if (!(error instanceof Problem)) this.logger.error(error);
      }
    }
  }

  private async lookAt(orgId: string, streams: Watched[]): Promise<void> {
    const found = await this.db.readOne({ orgId }, (tx) => this.watches.sightings(tx, orgId, streams));
    const sightings = new Map(found.map((sighting) => [sighting.position, sighting]));
    for (const [index, stream] of streams.entries()) {
      const sighting = sightings.get(index + 1);
      if (sighting) stream.seen(sighting.version, sighting.at);
      else stream.end(notFound(stream.target).code);
    }
  }

  /** Each credential once, however many streams it has opened. */
  private async checkCredentials(): Promise<void> {
    const byCredential = groupBy([...this.streams], ({ authorization, principal }) =>
      JSON.stringify([authorization, principal.userId]),
    );
    await Promise.all([...byCredential.values()].map((streams) => this.checkCredential(streams)));
  }

  private async checkCredential(streams: Watched[]): Promise<void> {
    const { authorization, principal } = streams[0];
    if (authorization === undefined) return;
    try {
      await this.authenticator.authenticate(authorization, principal.userId);
    } catch (error) {
      const refused = error instanceof Problem && error.status < 500;
      if (refused) for (const stream of streams) stream.end(error.code);
    }
  }
}

function groupBy<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
