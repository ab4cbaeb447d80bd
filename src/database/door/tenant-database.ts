import { Inject, Injectable } from '@nestjs/common';
import { escapeLiteral } from 'pg';
import { CONFIG, type Config } from '../../config/config';
import { Connections, type DatabaseClient } from './connections';
import { reading, retrying } from './retries';
import { SharedReads } from './shared-reads';
import { endWhenIdle, type Frame, inOneFlush, inTransaction, limitOf } from './transaction';
import { Tx } from './tx';

/** Whose rows a transaction may see. */
export interface Tenant {
  readonly orgId: string;
}

/** A transaction bound to one organization: row-level security hides every other one's rows. */
export class TenantTx extends Tx {
  /** Bars a `Tx` of the system from where a tenant's is due. */
  declare private readonly tenant: true;
}

type Work<T> = (tx: TenantTx) => Promise<T>;

interface RunOptions {
  /** The work may run again even if its commit may have happened: it finds its own rows by their ids. */
  repeatable?: boolean;
  /** The statement has one plan, whatever its values are. PostgreSQL would make one each time where it hopes for a better. */
  hasOnePlan?: boolean;
  /** The thread that the work writes to: its writers wait for each other before they take a connection. */
  gate?: string;
  /** The statement may run no longer than this, where DB_STATEMENT_TIMEOUT_MS allows more. */
  timeoutMs?: number;
}

interface ReadOptions {
  /** The statement may run no longer than this, where DB_STATEMENT_TIMEOUT_MS allows more. */
  timeoutMs?: number;
  /** How many rows it answers at most: few share a transaction with other reads of the organization that wait with them. */
  rows?: number;
}

interface FrameOptions {
  mode?: string;
  writes?: boolean;
  timeoutMs?: number;
  hasOnePlan?: boolean;
  statements?: number;
}

/** So few rows that another request can wait for them. */
const MAX_SHARED_ROWS = 250;
/** Said each time: under a stricter default of the database, reads that share a transaction would miss the newest rows. */
const READ_COMMITTED = 'ISOLATION LEVEL READ COMMITTED';
const READ_ONE = { mode: `${READ_COMMITTED} READ ONLY`, statements: 1 };

/** The only way to tenant data (design 3). */
@Injectable()
export class TenantDatabase {
  private readonly shared: SharedReads<TenantTx>;

  constructor(
    private readonly connections: Connections,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.shared = new SharedReads((orgId) => this.frame({ orgId }, READ_ONE), config.env.DB_POOL_TIMEOUT_MS);
  }

  /**
   * Runs `work` in one transaction of the tenant. A transient failure is tried again after 1 s and 2 s (C43).
   * @throws STORE_UNAVAILABLE, STATEMENT_TIMEOUT, THREAD_BUSY after DB_LOCK_TIMEOUT_MS
   */
  run<T>(tenant: Tenant, work: Work<T>, options: RunOptions = {}): Promise<T> {
    const { timeoutMs } = options;
    const attempt = () => inTransaction(this.frame(tenant, { writes: true, timeoutMs }), work);
    return this.write(tenant, attempt, options);
  }

  /** The same for exactly one statement, in one round trip. */
  runOne<T>(tenant: Tenant, work: Work<T>, options: RunOptions = {}): Promise<T> {
    const { hasOnePlan, timeoutMs } = options;
    const attempt = () => inOneFlush(this.frame(tenant, { writes: true, statements: 1, hasOnePlan, timeoutMs }), work);
    return this.write(tenant, attempt, options);
  }

  /** A read-only transaction on one snapshot. It is not tried again: a reader is better served by 503 at once. */
  async read<T>(tenant: Tenant, work: Work<T>): Promise<T> {
    const mode = 'ISOLATION LEVEL REPEATABLE READ READ ONLY';
    return reading(() => inTransaction(this.frame(tenant, { mode }), work));
  }

  /** A read of exactly one statement, in one round trip. */
  async readOne<T>(tenant: Tenant, work: Work<T>, { timeoutMs, rows = Infinity }: ReadOptions = {}): Promise<T> {
    if (rows <= MAX_SHARED_ROWS && timeoutMs === undefined) return reading(() => this.shared.read(tenant.orgId, work));
    return reading(() => inOneFlush(this.frame(tenant, { ...READ_ONE, timeoutMs }), work));
  }

  private write<T>({ orgId }: Tenant, attempt: () => Promise<T>, options: RunOptions): Promise<T> {
    return retrying(() => this.connections.admission.atGate(orgId, options.gate, attempt), options);
  }

  private frame(tenant: Tenant, options: FrameOptions = {}): Frame<TenantTx> {
    const { mode = READ_COMMITTED, writes = false, statements = Infinity, timeoutMs, hasOnePlan } = options;
    if (!tenant.orgId) throw new Error('A tenant transaction needs an organization');
    const limitMs = limitOf(this.config, timeoutMs);
    // One text command costs one message, and SET LOCAL holds behind PgBouncer in transaction mode.
    const begin =
      `BEGIN ${mode}; SET LOCAL ROLE throughline_app; SET LOCAL app.org_id = ${escapeLiteral(tenant.orgId)}; ` +
      `SET LOCAL statement_timeout = ${limitMs}` +
      (writes ? `; SET LOCAL lock_timeout = ${this.config.env.DB_LOCK_TIMEOUT_MS}` : '') +
      (writes && statements > 1 ? `; ${endWhenIdle(limitMs)}` : '') +
      (hasOnePlan ? '; SET LOCAL plan_cache_mode = force_generic_plan' : '');
    const { connections } = this;
    const makeTx = (client: DatabaseClient) => new TenantTx(client, connections.dataSource, statements);
    return { connections, orgId: tenant.orgId, begin, makeTx, limitMs };
  }
}
