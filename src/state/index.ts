export { StateModule } from './state.module';
