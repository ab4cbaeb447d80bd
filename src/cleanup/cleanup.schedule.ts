import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob, validateCronExpression } from 'cron';
import { CONFIG, type Config, ConfigError } from '../config/config';
import { ErasureWorkerService } from '../erasure';
import { CleanupService } from './cleanup.service';

/**
 * Checks `CLEANUP_CRON` while the server starts, before anything is served.
 * @throws ConfigError
 */
export function checkSchedule({ env }: Config): void {
  if (validateCronExpression(env.CLEANUP_CRON).valid) return;
  throw new ConfigError([`CLEANUP_CRON must be a cron expression such as "0 * * * *", not "${env.CLEANUP_CRON}"`]);
}

/** Runs the cleanup at the times of `CLEANUP_CRON`; not at all with `CLEANUP_ENABLED=false` (X05). */
@Injectable()
export class CleanupSchedule implements OnApplicationBootstrap {
  private readonly logger = new Logger('Cleanup');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly registry: SchedulerRegistry,
    private readonly cleanup: CleanupService,
    private readonly erasures: ErasureWorkerService,
  ) {}

  onApplicationBootstrap(): void {
    const { CLEANUP_ENABLED, CLEANUP_CRON } = this.config.env;
    if (!CLEANUP_ENABLED) return;
    const job = CronJob.from({ cronTime: CLEANUP_CRON, onTick: () => this.run(), waitForCompletion: true });
    // The registry stops its jobs when the app closes.
    this.registry.addCronJob('cleanup', job);
    job.start();
  }

  private async run(): Promise<void> {
    try {
      const removed = await this.cleanup.run();
      this.logger.log({ msg: 'Removed what had expired', ...removed });
      for (const { org_id, id } of await this.cleanup.brokenErasures()) await this.goOn(org_id, id);
    } catch (error) {
      // The next run tries again; an error that left this function would end the process.
      this.logger.error(error);
    }
  }

  /** One that fails must not keep the others waiting. */
  private async goOn(orgId: string, id: string): Promise<void> {
    try {
      await this.erasures.run(orgId, id);
    } catch (error) {
      this.logger.error(error);
    }
  }
}
