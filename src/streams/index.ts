export { StreamsModule } from './streams.module';
