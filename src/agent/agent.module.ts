import { Module } from '@nestjs/common';
import { ContextModule } from '../context/context.module';
import { MemoryModule } from '../memory/memory.module';
import { ModelsModule } from '../models/models.module';
import { SessionsModule } from '../sessions/sessions.module';
import { AgentRequests } from './agent-requests';
import { AgentController } from './agent.controller';
import { AgentService } from './agent.service';

/** The agent of a notebook: one turn, end to end. */
@Module({
  imports: [SessionsModule, ContextModule, MemoryModule, ModelsModule],
  controllers: [AgentController],
  providers: [AgentService, AgentRequests],
})
export class AgentModule {}
