import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { IdempotencyModule } from '../idempotency';
import { OrganizationsModule } from '../organizations';
import { ApiKeysController } from './api-keys/api-keys.controller';
import { ApiKeysRepository } from './api-keys/api-keys.repository';
import { ApiKeysService } from './api-keys/api-keys.service';
import { AuthGuard } from './auth.guard';
import { Authenticator } from './authenticator.service';
import { DefaultIdentity } from './default-identity.service';
import { KeyVerifier } from './api-keys/key-verifier.service';
import { TokensService } from './tokens.service';

/** Who calls and what they may do: the global guard, API keys and tokens. */
@Module({
  imports: [OrganizationsModule, IdempotencyModule],
  controllers: [ApiKeysController],
  providers: [
    ApiKeysRepository,
    ApiKeysService,
    AuthGuard,
    Authenticator,
    DefaultIdentity,
    KeyVerifier,
    TokensService,
    { provide: APP_GUARD, useExisting: AuthGuard },
  ],
  exports: [ApiKeysService, Authenticator],
})
export class AuthModule {}
