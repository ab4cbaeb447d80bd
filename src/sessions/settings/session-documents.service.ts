import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { precondition } from '../../http/request/versions';
import { TenantDatabase } from '../../database/door/tenant-database';
import { SessionPatchService } from './session-patch.service';
import { SessionOpeningService } from '../opening/session-opening.service';
import type { SessionRow } from '../session.entity';
import { SessionsService } from '../sessions.service';

/** A session's metadata or variables, with the version that they were read or written at. */
export interface SessionDocument {
  version: number;
  value: Record<string, unknown>;
}

type Values = Record<string, unknown>;

/** The metadata and the variables of sessions, as documents of their own. A write to an unknown session makes it (C10). */
@Injectable()
export class SessionDocumentsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly sessions: SessionsService,
    private readonly opening: SessionOpeningService,
    private readonly patches: SessionPatchService,
  ) {}

  /** @throws SESSION_NOT_FOUND */
  async metadata(principal: Principal, id: string): Promise<SessionDocument> {
    const { metadata: value, version } = await this.read(principal, id);
    return { value, version };
  }

  /**
   * Parallel patches of different keys all land (P24). An empty one changes nothing, and makes no session (U68).
   * @throws METADATA_TOO_LARGE, PRECONDITION_FAILED, SESSION_NOT_FOUND
   */
  async patchMetadata(principal: Principal, id: string, patch: object, ifMatch?: number): Promise<SessionDocument> {
    const metadata = patch as Values;
    const { metadata: value, version } = await this.write(principal, id, { metadata }, ifMatch);
    return { value, version };
  }

  /** By name, in the order in which the names came. @throws SESSION_NOT_FOUND */
  async variables(principal: Principal, id: string): Promise<SessionDocument> {
    const { variables: value, version } = await this.read(principal, id);
    return { value, version };
  }

  /** As `patchMetadata`. @throws METADATA_TOO_LARGE, PRECONDITION_FAILED, SESSION_NOT_FOUND */
  async patchVariables(principal: Principal, id: string, patch: object, ifMatch?: number): Promise<SessionDocument> {
    const variables = patch as Values;
    const { variables: value, version } = await this.write(principal, id, { variables }, ifMatch);
    return { value, version };
  }

  /** @throws METADATA_TOO_LARGE, PRECONDITION_FAILED, SESSION_NOT_FOUND with If-Match */
  async putVariables(principal: Principal, id: string, variables: object, ifMatch?: number): Promise<SessionDocument> {
    const { variables: value, version } = await this.write(principal, id, {}, ifMatch, variables as Values);
    return { value, version };
  }

  private async read(principal: Principal, id: string): Promise<SessionRow> {
    await this.sessions.noteRead(principal, id);
    return this.db.readOne(principal, (tx) => this.sessions.find(tx, principal, id));
  }

  /** A write that rests on a version, or that says nothing, is for a session that is there. */
  private write(
    principal: Principal,
    id: string,
    patch: { metadata?: Values; variables?: Values },
    ifMatch?: number,
    replacement?: Values,
  ): Promise<SessionRow> {
    const says = replacement ?? patch.metadata ?? patch.variables ?? {};
    const makes = ifMatch === undefined && (replacement !== undefined || Object.keys(says).length > 0);
    return this.db.run(principal, async (tx) => {
      if (makes) await this.opening.open(tx, principal, id);
      const expected = precondition(ifMatch);
      if (replacement) {
        await this.patches.apply(tx, principal, id, {}, expected);
        await this.patches.replaceVariables(tx, principal, id, replacement);
      } else await this.patches.patch(tx, principal, id, patch, expected);
      return this.sessions.find(tx, principal, id);
    });
  }
}
