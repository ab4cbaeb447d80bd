import { Module } from '@nestjs/common';
import { ContextModule } from '../context';
import { MemoryModule } from '../memory';
import { MessagesModule } from '../messages';
import { SearchModule } from '../search';
import { SessionsModule } from '../sessions';
import { ThreadsModule } from '../threads';
import { ConversationTools } from './conversation-tools.service';
import { McpController } from './mcp.controller';
import { McpService } from './mcp.service';
import { MemoryTools } from './memory-tools.service';
import { SearchTools } from './search-tools.service';
import { ThreadResources } from './thread-resources.service';
import { ToolCalls } from './tool-calls.service';

/** The front door for models: the Model Context Protocol at `/mcp`. */
@Module({
  imports: [ThreadsModule, MessagesModule, SessionsModule, ContextModule, MemoryModule, SearchModule],
  controllers: [McpController],
  providers: [McpService, ToolCalls, MemoryTools, ConversationTools, SearchTools, ThreadResources],
})
export class McpModule {}
