export { Access, ACCESS, allows, checkAccess, type Permission, Public, PUBLIC } from './access';
export { AuthModule } from './auth.module';
export { Authenticator } from './authenticator.service';
export { ApiKeysService } from './api-keys/api-keys.service';
