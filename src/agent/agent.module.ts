import { Module } from '@nestjs/common';
import { ContextModule } from '../context';
import { MemoryModule } from '../memory';
import { ModelsModule } from '../models';
import { SessionsModule } from '../sessions';
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
