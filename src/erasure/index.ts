export { ErasureWorkerService } from './erasure-worker.service';
export { ErasureModule } from './erasure.module';
