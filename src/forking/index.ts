export { ForkingModule } from './forking.module';
