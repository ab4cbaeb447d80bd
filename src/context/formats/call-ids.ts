import { createHash } from 'node:crypto';

export interface IdRules {
  /** Longest id that the provider takes. */
  longest: number;
  /** Whether the ids of one context must differ. Real conversations have the same id for several calls. */
  unique: boolean;
  /** Characters that the provider refuses. */
  refused?: RegExp;
}

/** Makes the ids of calls such as a provider takes them. The same ids in the same order always come out the same. */
export class CallIds {
  private readonly used = new Set<string>();

  constructor(private readonly rules: IdRules) {}

  next(id: string): string {
    const { longest, unique, refused } = this.rules;
    const base = shorten(refused ? id.replace(refused, '_') : id, longest);
    let next = base;
    for (let count = 2; unique && this.used.has(next); count += 1) {
      const suffix = `_${count}`;
      next = base.slice(0, longest - suffix.length) + suffix;
    }
    this.used.add(next);
    return next;
  }
}

/** Names of functions: letters, digits, `_` and `-`, at most 64, for all providers. */
export const toFunctionName = (name: string) => shorten(name.replace(/[^a-zA-Z0-9_-]/g, '_'), 64);

/** Different long texts stay different: the end is a digest of the whole. */
function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${text.slice(0, longest - 9)}_${digest}`.toWellFormed();
}
