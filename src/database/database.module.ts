import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CONFIG, type Config } from '../config/config';
import { dataSourceOptions } from './data-source';
import { inspectServer } from './pooler';
import { PoolStats } from './pool-stats';
import { SystemDatabase } from './system-database';
import { TenantDatabase } from './tenant-database';

/** The one data source and its two doors. */
@Global()
@Module({})
export class DatabaseModule {
  /** @param url of a database whose schema is up to date */
  static for(url: string): DynamicModule {
    const typeorm = TypeOrmModule.forRootAsync({
      inject: [CONFIG],
      useFactory: async (config: Config) => {
        const options = dataSourceOptions(url, config.env, await mayPrepare(config, url));
        return { ...options, retryAttempts: 3, retryDelay: 1000 };
      },
    });
    return {
      module: DatabaseModule,
      imports: [typeorm],
      providers: [TenantDatabase, SystemDatabase, PoolStats],
      exports: [TenantDatabase, SystemDatabase, PoolStats],
    };
  }
}

/** The embedded server has no pooler before it. */
async function mayPrepare({ env, database }: Config, url: string): Promise<boolean> {
  return env.DB_PREPARED_STATEMENTS ?? (database.kind !== 'server' || !(await inspectServer(url)).pooled);
}
