/** Numbers of PostgreSQL's advisory locks, which share one space: each is taken once. */
export const ADVISORY_LOCKS = {
  /** One instance migrates; the others wait and find nothing to do. */
  migrate: 7_468_726_541,
  /** One instance cleans up; the others leave it to that one. */
  cleanup: 7_468_726_542,
} as const;

/** Seeds of locks whose number is the hash of a text, so that they lie anywhere in that space. */
export const HASHED_LOCKS = {
  /** One request at a time opens sessions of a user. */
  sessions: 7_468_726_542,
} as const;
