import type { Principal } from '../organizations/principal';
import type { Target } from '../threads/thread-access';

/** Who opened a stream, and of what. */
export interface StreamOwner {
  readonly principal: Principal;
  readonly target: Target;
  /** What they presented; absent where no credentials were needed. */
  readonly authorization?: string;
}

/** A stream that is under way. */
export interface Watched extends StreamOwner {
  readonly threadId: string;
  /** The thread was seen at this version, at this second of the database. */
  seen(version: number, at: number): void;
  /** There may be something new. */
  wake(): void;
  /** Says with which error a request would now be answered, and ends. */
  end(code: string): void;
  /** Ends without a word: the client comes back, to another instance. */
  close(): void;
}
