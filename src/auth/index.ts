export { Access, ACCESS, allows, checkAccess, type Permission, Public, PUBLIC } from './access';
export { AuthGuard } from './auth.guard';
export { AuthModule } from './auth.module';
export { Authenticator } from './authenticator.service';
export { ApiKeysService } from './api-keys/api-keys.service';
