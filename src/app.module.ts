import { type DynamicModule, Module } from '@nestjs/common';
import { AdminModule } from './admin/admin.module';
import { AgentModule } from './agent/agent.module';
import { AuthModule } from './auth/auth.module';
import { CleanupModule } from './cleanup/cleanup.module';
import type { Config } from './config/config';
import { ConfigModule } from './config/config.module';
import { ContextModule } from './context/context.module';
import { DatabaseModule } from './database/database.module';
import { ErasureModule } from './erasure/erasure.module';
import { ForkingModule } from './forking/forking.module';
import { HealthModule } from './health/health.module';
import { IdempotencyModule } from './idempotency/idempotency.module';
import { StreamsModule } from './streams/streams.module';
import { McpModule } from './mcp/mcp.module';
import { MemoryModule } from './memory/memory.module';
import { MessagesModule } from './messages/messages.module';
import { MetricsModule } from './metrics/metrics.module';
import { OrganizationsModule } from './organizations/organizations.module';
import { SearchModule } from './search/search.module';
import { SessionsModule } from './sessions/sessions.module';
import { SharingModule } from './sharing/sharing.module';
import { StateModule } from './state/state.module';
import { SummariesModule } from './summaries/summaries.module';
import { ThreadsModule } from './threads/threads.module';
import { TransferModule } from './transfer/transfer.module';

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
