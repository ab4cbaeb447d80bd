import { commonErrors } from '../../common/errors';
import { FairLanes, LanesBusy } from '../../common/lanes';
import type { MessageInput } from '../messages.dto';

/** Characters of the appends that are under way in a process, at most, before callers are sent away. */
const MAX_UNDER_WAY = 96_000_000;
/** Of one organization: with nobody else under way, so that there is always room for the first of another; and with others. */
const MAX_ALONE = (MAX_UNDER_WAY / 3) * 2;
const MAX_BESIDE_OTHERS = MAX_UNDER_WAY / 3;

/** What takes this process and PostgreSQL so long that others notice. */
const LARGE = 256_000;
/** Of one organization: while PostgreSQL stores one, the next is on its way. */
const MAX_LARGE = 2;
const MAX_WAIT_MS = 30_000;

/** Who may append now. One organization takes neither the memory nor the processors from the others. */
export class AppendAdmission {
  private underWay = 0;
  private readonly organizations = new Map<string, number>();
  private readonly large = new FairLanes({ each: MAX_LARGE });

  /**
   * Does `work` with an append of so many characters; a large one waits for the large ones of its organization.
   * @throws STORE_UNAVAILABLE when too much is under way, or it has waited for too long
   */
  async pass<T>(orgId: string, size: number, work: () => Promise<T>): Promise<T> {
    const own = this.organizations.get(orgId) ?? 0;
    const max = own === this.underWay ? MAX_ALONE : MAX_BESIDE_OTHERS;
    // One is always let in, however large.
    if (own > 0 && (own + size > max || this.underWay + size > MAX_UNDER_WAY)) throw later();
    this.count(orgId, size);
    try {
      return await (size < LARGE ? work() : this.large.pass(orgId, work, { maxWaitMs: MAX_WAIT_MS }));
    } catch (error) {
      throw error instanceof LanesBusy ? later() : error;
    } finally {
      this.count(orgId, -size);
    }
  }

  private count(orgId: string, size: number): void {
    this.underWay += size;
    const own = (this.organizations.get(orgId) ?? 0) + size;
    if (own > 0) this.organizations.set(orgId, own);
    else this.organizations.delete(orgId);
  }
}

const later = () => commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });

/** Characters that messages say, before anything is known of them: their texts, and what their tools are called with. */
export function sizeOf(inputs: MessageInput[]): number {
  let size = 0;
  for (const { content, tool_calls } of inputs) {
    for (const part of Array.isArray(content) ? content : [content]) size += textOf(part).length;
    for (const call of tool_calls ?? []) size += call.function.arguments.length;
  }
  return size;
}

const textOf = (part: unknown): string => {
  const text = typeof part === 'object' && part !== null && 'text' in part ? part.text : part;
  return typeof text === 'string' ? text : '';
};
