import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { TenantDatabase } from '../database/door/tenant-database';
import { checkTarget, notFound, type Target } from '../threads';
import type { ForkNode, ForkTree } from './forking.dto';
import { ForkingRepository, type LineageRow } from './forking.repository';

/** Levels below the root, and threads, that one answer shows. */
const MAX_DEEP = 50;
const MAX_THREADS = 1000;

/** Shows what became of a thread. */
@Injectable()
export class LineageService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly forks: ForkingRepository,
  ) {}

  /** The forks of a thread that the caller may see, with their forks, first made first. @throws THREAD_NOT_FOUND */
  async tree(principal: Principal, target: Target): Promise<ForkTree> {
    checkTarget(target);
    // One level and one thread more than shown tell that there are more.
    const rows = await this.db.readOne(principal, (tx) =>
      this.forks.descendants(tx, principal, target.id, MAX_DEEP + 1, MAX_THREADS + 1),
    );
    const shown = rows.slice(0, MAX_THREADS).filter(({ depth }) => depth <= MAX_DEEP);
    const root = toTree(shown, target.id);
    if (!root) throw notFound(target);
    return { ...root, has_more: shown.length < rows.length };
  }
}

/** Ids are UUIDv7: their order is that of creation. */
function toTree(rows: LineageRow[], rootId: string): ForkNode | undefined {
  const nodes = new Map(rows.map((row) => [row.id, toNode(row)]));
  for (const { id, forked_from_thread_id: parent } of [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const node = nodes.get(id);
    if (node && id !== rootId && parent) nodes.get(parent)?.children.push(node);
  }
  return nodes.get(rootId);
}

const toNode = (row: LineageRow): ForkNode => ({
  thread_id: row.id,
  name: row.name,
  session_id: row.session_id,
  parent_thread_id: row.forked_from_thread_id,
  fork_point: row.forked_from_seq,
  created_at: row.created_at.toISOString(),
  children: [],
});
