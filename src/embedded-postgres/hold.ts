import type { Client } from 'pg';
import { type Address, connect } from './connection';
import { errorCode } from './files';

/** The number of an advisory lock in the database `postgres`, where nothing else takes any. */
const LOCK = 7_468_726_543;
/** For the sessions of processes that were killed a moment ago. */
const LAST_LIMIT_MS = 500;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * One process's use of an embedded server: a session that shares a lock with those of all other processes. It ends
 * when the server does, and with its process, however that ends.
 */
export class Hold {
  /** Once the session has ended: the server is gone, or has thrown everybody out. */
  readonly lost: Promise<void>;

  private constructor(private readonly client: Client) {
    this.lost = new Promise((resolve) => client.once('end', () => resolve()));
  }

  /** @throws when the server is gone, or its last user stops it */
  static async take(address: Address): Promise<Hold> {
    const client = await connect(address);
    const hold = new Hold(client);
    try {
      await client.query('SELECT pg_advisory_lock_shared($1)', [LOCK]);
      return hold;
    } catch (error) {
      await hold.end();
      throw error;
    }
  }

  /**
   * Gives up the use, and tells who else has one. Once it was nobody, nobody gets one any more: the caller stops the
   * server. `unknown`: the server is gone, or its last user stops it already.
   */
  async letGo(): Promise<'none' | 'some' | 'unknown'> {
    try {
      // Each lets go before it tries: of two that end at once, one is the last.
      await this.client.query('SELECT pg_advisory_unlock_shared($1)', [LOCK]);
      await this.client.query(`SET lock_timeout = ${LAST_LIMIT_MS}`);
      await this.client.query('SELECT pg_advisory_lock($1)', [LOCK]);
      return 'none';
    } catch (error) {
      return errorCode(error) === LOCK_NOT_AVAILABLE ? 'some' : 'unknown';
    }
  }

  end(): Promise<void> {
    return this.client.end().catch(() => undefined);
  }
}
