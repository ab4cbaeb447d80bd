import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What every API key starts with; nothing else that a caller may present does. */
export const KEY_PREFIX = 'tl_';

const KEY = /^tl_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([A-Za-z0-9_-]{32,128})$/;

/** An API key in its two parts. */
interface ParsedKey {
  /** UUID of its row. */
  id: string;
  /** What only its bearer has: 32 random bytes as base64url. */
  secret: string;
}

/** A fresh secret of 256 bits. */
export const newSecret = () => randomBytes(32).toString('base64url');

/** The key as it is shown once: `tl_<id without dashes>_<secret>`. */
export const formatKey = ({ id, secret }: ParsedKey) => `${KEY_PREFIX}${id.replaceAll('-', '')}_${secret}`;

/** The parts of a key; `undefined` when the text cannot be one. */
export function parseKey(text: string): ParsedKey | undefined {
  const match = KEY.exec(text);
  return match ? { id: match.slice(1, 6).join('-'), secret: match[6] } : undefined;
}

/** What the database keeps. No salt and no stretching: a secret of 256 random bits cannot be guessed from its hash. */
export const hashSecret = (secret: string) => hash('sha256', secret, 'buffer');

/** Whether a secret belongs to a hash, in a time that does not tell how much of it was right. */
export const matchesHash = (secret: string, stored: Buffer) => timingSafeEqual(hashSecret(secret), stored);
