import { Inject, Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import type { Principal } from '../../organizations';
import { checkMetadata, saysAnything } from '../../http/request/limits';
import { type Precondition, precondition } from '../../http/request/versions';
import { CONFIG, type Config } from '../../config/config';
import type { TenantTx } from '../../database/door/tenant-database';
import { bySession, ThreadsService } from '../../threads';
import type { SessionSettings } from '../sessions.dto';
import type { HeldSession } from '../opening/session-opening.repository';
import type { SessionRow } from '../session.entity';
import { type SessionPatch, SessionsRepository } from '../sessions.repository';

const NONE = precondition(undefined);

type Variables = Record<string, unknown>;

/** Writes what a session has beside its messages, inside a transaction that is given. Every write touches the thread. */
@Injectable()
export class SessionPatchService {
  constructor(
    private readonly threads: ThreadsService,
    private readonly sessions: SessionsRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** What is absent stays; a patch that says nothing writes nothing. @throws as `apply` */
  async patch(tx: TenantTx, principal: Principal, id: string, settings: SessionSettings, expected: Precondition) {
    if (saysAnythingOf(settings)) await this.apply(tx, principal, id, settings, expected);
    else await this.threads.checkIn(tx, principal, bySession(id), expected);
  }

  /** What is absent stays. @throws SESSION_NOT_FOUND, METADATA_TOO_LARGE, PRECONDITION_FAILED, VERSION_CONFLICT */
  async apply(
    tx: TenantTx,
    principal: Principal,
    id: string,
    settings: SessionSettings,
    expected: Precondition = NONE,
  ): Promise<void> {
    const { title, metadata, variables, notebook_id, prompt_name, system_prompt, max_tokens } = settings;
    const thread = { name: title, metadata: metadata ?? undefined, auto_summarize: settings.auto_summarize };
    await this.threads.updateIn(tx, principal, bySession(id), thread, expected);
    const patch: SessionPatch = { notebook_id, prompt_name, system_prompt, max_tokens };
    if (saysAnything(patch)) await this.sessions.change(tx, principal, id, patch);
    if (variables) await this.mergeVariables(tx, principal, id, variables);
  }

  /**
   * Writes what a saved state says beside its messages, on a session that `tx` holds. Metadata and variables are
   * replaced; what is absent stays.
   * @returns the session as it is then
   * @throws METADATA_TOO_LARGE
   */
  async replace(tx: TenantTx, principal: Principal, session: HeldSession, state: SessionSettings): Promise<SessionRow> {
    const { metadata, variables, notebook_id, prompt_name, system_prompt, max_tokens } = state;
    const id = session.session_id as string;
    checkMetadata(metadata, this.config.env.METADATA_LIMIT_BYTES);
    await this.replaceOfThread(tx, principal, session, state);
    const patch: SessionPatch = { notebook_id, prompt_name, system_prompt, max_tokens };
    if (saysAnything(patch)) await this.sessions.change(tx, principal, id, patch);
    if (variables) await this.replaceVariables(tx, principal, id, variables);
    await this.sessions.saveMetadata(tx, session, metadata ?? {});
    return (await this.sessions.find(tx, principal, id)) as SessionRow;
  }

  /** A state that is saved as it was loaded changes nothing here. */
  private async replaceOfThread(tx: TenantTx, principal: Principal, session: HeldSession, state: SessionSettings) {
    const { title = session.name, auto_summarize = session.auto_summarize } = state;
    if (title === session.name && isDeepStrictEqual(auto_summarize, session.auto_summarize)) return;
    const target = bySession(session.session_id as string);
    await this.threads.updateIn(tx, principal, target, { name: title, auto_summarize }, NONE);
  }

  /** A JSON merge patch (RFC 7396) in the database: parallel ones of different names all land (C18). */
  async mergeVariables(tx: TenantTx, principal: Principal, id: string, patch: Variables): Promise<Variables> {
    // Before it is merged too: merging takes time, under the thread's lock.
    checkMetadata(patch, this.config.env.METADATA_LIMIT_BYTES);
    const after = await this.sessions.mergeVariables(tx, principal, id, patch);
    checkMetadata(after, this.config.env.METADATA_LIMIT_BYTES);
    return after;
  }

  /** @throws METADATA_TOO_LARGE */
  replaceVariables(tx: TenantTx, principal: Principal, id: string, variables: Variables): Promise<Variables> {
    checkMetadata(variables, this.config.env.METADATA_LIMIT_BYTES);
    return this.sessions.replaceVariables(tx, principal, id, variables);
  }
}

/** Whether a patch says anything of a session. */
export function saysAnythingOf(settings: SessionSettings): boolean {
  const { title, auto_summarize, notebook_id, prompt_name, system_prompt, max_tokens, metadata, variables } = settings;
  return saysAnything(
    { title, auto_summarize, notebook_id, prompt_name, system_prompt, max_tokens },
    metadata,
    variables,
  );
}
