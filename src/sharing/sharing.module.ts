import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { OrganizationsModule } from '../organizations';
import { ThreadsModule } from '../threads';
import { SessionSharesController, ThreadSharesController } from './conversation-shares.controller';
import { ShareLinksRepository } from './share-links.repository';
import { ShareLinksService } from './share-links.service';
import { SharesController } from './shares.controller';
import { SharingRepository } from './sharing.repository';
import { SharingService } from './sharing.service';

/** Conversations that are shared inside the organization. Who may see them by that is decided in the predicates. */
@Module({
  imports: [ThreadsModule, IdempotencyModule, OrganizationsModule],
  controllers: [SharesController, ThreadSharesController, SessionSharesController],
  providers: [SharingService, ShareLinksService, SharingRepository, ShareLinksRepository],
})
export class SharingModule {}
