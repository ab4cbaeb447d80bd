import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CONFIG, type Config } from '../config/config';
import { dataSourceOptions } from './data-source';
import { Connections } from './door/connections';
import { SystemDatabase } from './door/system-database';
import { TenantDatabase } from './door/tenant-database';

/** The one data source and its two doors. */
@Global()
@Module({})
export class DatabaseModule {
  /**
   * @param url of a database whose schema is up to date
   * @param prepared whether statements may be prepared by their names
   */
  static for(url: string, prepared?: boolean): DynamicModule {
    const typeorm = TypeOrmModule.forRootAsync({
      inject: [CONFIG],
      useFactory: ({ env }: Config) => {
        const options = dataSourceOptions(url, env, prepared ?? env.DB_PREPARED_STATEMENTS);
        return { ...options, retryAttempts: 3, retryDelay: 1000 };
      },
    });
    return {
      module: DatabaseModule,
      imports: [typeorm],
      providers: [TenantDatabase, SystemDatabase, Connections],
      exports: [TenantDatabase, SystemDatabase, Connections],
    };
  }
}
