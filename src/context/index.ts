export { ContextModule } from './context.module';
export { ContextService } from './context.service';
