export { MemoryModule } from './memory.module';
export { MemoryService } from './memory.service';
