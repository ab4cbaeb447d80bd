import { Module } from '@nestjs/common';
import { CleanupModule } from '../cleanup';
import { AdminController } from './admin.controller';
import { AdminRepository } from './admin.repository';
import { AdminService } from './admin.service';

/** What an operator asks of a running server. */
@Module({ imports: [CleanupModule], controllers: [AdminController], providers: [AdminRepository, AdminService] })
export class AdminModule {}
