import { type DynamicModule, Module } from '@nestjs/common';
import { AdminModule } from './admin';
import { AgentModule } from './agent';
import { AuthModule } from './auth';
import { CleanupModule } from './cleanup';
import type { Config } from './config/config';
import { ConfigModule } from './config/config.module';
import { ContextModule } from './context';
import { DatabaseModule } from './database/database.module';
import { ErasureModule } from './erasure';
import { ForkingModule } from './forking';
import { HealthModule } from './health';
import { IdempotencyModule } from './idempotency';
import { StreamsModule } from './streams';
import { McpModule } from './mcp';
import { MemoryModule } from './memory';
import { MessagesModule } from './messages';
import { MetricsModule } from './metrics';
import { OrganizationsModule } from './organizations';
import { SearchModule } from './search';
import { SessionsModule } from './sessions';
import { SharingModule } from './sharing';
import { StateModule } from './state';
import { SummariesModule } from './summaries';
import { ThreadsModule } from './threads';
import { TransferModule } from './transfer';

/** Everything, and nothing but imports. */
@Module({})
export class AppModule {
  /** @param url of a database whose schema is up to date */
  static for(config: Config, url: string, prepared?: boolean): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.for(config),
        DatabaseModule.for(url, prepared),
        OrganizationsModule,
        AuthModule,
        IdempotencyModule,
        ThreadsModule,
        MessagesModule,
        SessionsModule,
        SharingModule,
        ForkingModule,
        TransferModule,
        SearchModule,
        StateModule,
        StreamsModule,
        SummariesModule,
        ContextModule,
        AgentModule,
        ErasureModule,
        MemoryModule,
        McpModule,
        HealthModule,
        MetricsModule.for(config),
        AdminModule,
        CleanupModule,
      ],
    };
  }
}
