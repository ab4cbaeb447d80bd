import { Module } from '@nestjs/common';
import { OrganizationsModule } from '../organizations';
import { SessionsModule } from '../sessions';
import { MemoryController, UserMemoryController } from './memory.controller';
import { MemoryListRepository } from './memory-list.repository';
import { MemoryRepository } from './memory.repository';
import { MemoryService } from './memory.service';
import { MemoryWriter } from './memory-writer';

/** Keyed facts of users and of their sessions. */
@Module({
  imports: [OrganizationsModule, SessionsModule],
  controllers: [MemoryController, UserMemoryController],
  providers: [MemoryService, MemoryWriter, MemoryRepository, MemoryListRepository],
  exports: [MemoryService],
})
export class MemoryModule {}
