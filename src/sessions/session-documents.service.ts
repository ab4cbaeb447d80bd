import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { precondition } from '../common/versions';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import { bySession } from '../database/visibility';
import { ThreadsService } from '../threads/threads.service';
import { SessionChangesService } from './session-changes.service';
import { SessionsService } from './sessions.service';

/** A session's metadata or variables, with the version that they were read or written at. */
export interface SessionDocument {
  version: number;
  value: Record<string, unknown>;
}

type Write = (tx: TenantTx) => Promise<Record<string, unknown>>;

/** The metadata and the variables of sessions, as documents of their own. */
@Injectable()
export class SessionDocumentsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly sessions: SessionsService,
    private readonly threads: ThreadsService,
    private readonly changes: SessionChangesService,
  ) {}

  /** @throws SESSION_NOT_FOUND */
  async metadata(principal: Principal, id: string): Promise<SessionDocument> {
    const { metadata: value, version } = await this.read(principal, id);
    return { value, version };
  }

  /** In one statement: parallel patches of different keys all land (P24). @throws SESSION_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED */
  async patchMetadata(principal: Principal, id: string, patch: object, ifMatch?: number): Promise<SessionDocument> {
    const metadata = patch as Record<string, unknown>;
    const { metadata: value, version } = await this.threads.update(principal, bySession(id), { metadata }, ifMatch);
    return { value, version };
  }

  /** By name, in the order in which the names came. @throws SESSION_NOT_FOUND */
  async variables(principal: Principal, id: string): Promise<SessionDocument> {
    const { variables: value, version } = await this.read(principal, id);
    return { value, version };
  }

  /** @throws SESSION_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED */
  patchVariables(principal: Principal, id: string, patch: object, ifMatch?: number): Promise<SessionDocument> {
    return this.write(principal, id, ifMatch, (tx) =>
      this.changes.mergeVariables(tx, principal, id, patch as Record<string, unknown>),
    );
  }

  /** @throws SESSION_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED */
  putVariables(principal: Principal, id: string, variables: object, ifMatch?: number): Promise<SessionDocument> {
    return this.write(principal, id, ifMatch, (tx) =>
      this.changes.replaceVariables(tx, principal, id, variables as Record<string, unknown>),
    );
  }

  private async read(principal: Principal, id: string) {
    await this.sessions.noteRead(principal, id);
    return this.db.readOne(principal, (tx) => this.sessions.find(tx, principal, id));
  }

  /** The thread is touched first: that locks the session, checks the version and moves last_activity. */
  private write(principal: Principal, id: string, ifMatch: number | undefined, write: Write): Promise<SessionDocument> {
    return this.db.run(principal, async (tx) => {
      const { version } = await this.threads.updateIn(tx, principal, bySession(id), {}, precondition(ifMatch));
      return { value: await write(tx), version };
    });
  }
}
