export { Organization } from './organization.entity';
export { OrganizationsModule } from './organizations.module';
export { OrganizationsService } from './organizations.service';
export { Caller, isOrgId, makePrincipal, type Principal, type Role, ROLES } from './principal';
export { User } from './user.entity';
