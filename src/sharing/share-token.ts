import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const TOKEN = /^tls_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

/** A link's token in its two parts. */
export interface ShareToken {
  /** UUID of the link's row. */
  id: string;
  /** 32 random bytes as base64url. */
  secret: string;
}

/** A fresh secret of 256 bits. */
export const newSecret = () => randomBytes(32).toString('base64url');

/** The token as it is shown once: `tls_<id without dashes>_<secret>`. */
export const formatToken = ({ id, secret }: ShareToken) => `tls_${id.replaceAll('-', '')}_${secret}`;

/** The parts of a token; `undefined` when the text cannot be one. */
export function parseToken(text: string): ShareToken | undefined {
  const match = TOKEN.exec(text);
  return match ? { id: match.slice(1, 6).join('-'), secret: match[6] } : undefined;
}

/** What the database keeps: a secret of 256 random bits cannot be guessed from its hash. */
export const hashSecret = (secret: string) => createHash('sha256').update(secret).digest();

/** Whether a secret belongs to a hash, in a time that does not tell how much of it was right. */
export const matchesHash = (secret: string, hash: Buffer) => timingSafeEqual(hashSecret(secret), hash);
