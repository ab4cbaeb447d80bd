import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { Lanes, LanesBusy, LanesLeft, type Release, type Waiting } from '../../common/lanes';
import { CONFIG, type Config } from '../../config/config';
import { connectionsOf } from '../../config/process-shares';
import { transferErrors } from '../transfer.errors';

type Holder = Pick<Principal, 'orgId' | 'userId'>;

/**
 * How many exports may hold a connection to the database at once: a quarter of them. A long conversation is read at its
 * reader's pace, and slow readers must not take the connections of everybody else: a user has one slot, an organization
 * the half of them. An export that waits passes those whose user or organization has its slots already.
 */
@Injectable()
export class ExportSlots {
  private readonly lanes: Lanes<Holder>;

  constructor(@Inject(CONFIG) { env }: Config) {
    const max = Math.max(1, Math.floor(connectionsOf(env) / 4));
    const maxOfOrganization = Math.max(1, Math.floor(max / 2));
    this.lanes = new Lanes(max, ({ orgId, userId }, inside) => {
      const ofOrganization = inside.filter((holder) => holder.orgId === orgId);
      return ofOrganization.length < maxOfOrganization && !ofOrganization.some((holder) => holder.userId === userId);
    });
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.lanes.waiting;
  }

  /** @throws TOO_MANY_EXPORTS after the longest wait, BAD_REQUEST when it is not wanted any more */
  take({ orgId, userId }: Holder, waiting?: Waiting): Promise<Release> {
    return this.lanes.take({ orgId, userId }, waiting).catch((error: unknown) => {
      if (error instanceof LanesLeft) throw commonErrors.BAD_REQUEST('The client left before its turn came.');
      if (error instanceof LanesBusy)
        throw transferErrors.TOO_MANY_EXPORTS().with({ headers: { 'retry-after': '10' } });
      throw error;
    });
  }
}
