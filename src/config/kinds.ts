import { availableParallelism } from 'node:os';

/** How one environment variable is read: its default, what it means, and how its text becomes a value. */
export interface Variable<T> {
  readonly about: string;
  /** The default as text; `undefined` where the variable is off or absent unless set. */
  readonly fallback?: string;
  readonly secret?: boolean;
  /** Throws an Error whose message completes "NAME must be …". */
  readonly parse: (text: string) => T;
}

/** A variable that, by its type, has a default if `F` is one. */
type Defaulted<T, F> = Variable<T> & { readonly fallback: F extends undefined ? undefined : string };

const variable = <T, F>(fallback: F, about: string, parse: (text: string) => T): Defaulted<T, F> =>
  ({ about, fallback: fallback?.toString(), parse }) as Defaulted<T, F>;

interface Range {
  min?: number;
  max?: number;
}

function number(text: string, kind: string, accepts: (value: number) => boolean, { min, max }: Range): number {
  const value = text.trim() === '' ? NaN : Number(text);
  const inRange = value >= (min ?? -Infinity) && value <= (max ?? Infinity);
  if (accepts(value) && inRange) return value;
  const range = max === undefined ? (min === undefined ? '' : ` of at least ${min}`) : ` from ${min} to ${max}`;
  throw new Error(`${kind}${range}`);
}

export const integer = <F extends number | undefined>(fallback: F, about: string, range: Range = {}) =>
  variable(fallback, about, (text) => number(text, 'a whole number', Number.isSafeInteger, range));

/** Fractions are allowed, so that tests need not wait for hours (C57). */
export const decimal = <F extends number | undefined>(fallback: F, about: string, range: Range = {}) =>
  variable(fallback, about, (text) => number(text, 'a number', Number.isFinite, range));

export const text = <F extends string | undefined>(fallback: F, about: string) =>
  variable(fallback, about, (value) => value);

export const secret = (about: string) => ({ ...text(undefined, about), secret: true });

export const flag = <F extends boolean | undefined>(fallback: F, about: string) =>
  variable(fallback, about, (value) => {
    const word = value.trim().toLowerCase();
    if (word === 'true' || word === 'false') return word === 'true';
    throw new Error('true or false');
  });

export const choice = <const T extends string, F extends T | undefined>(
  fallback: F,
  options: readonly T[],
  about: string,
) =>
  variable(fallback, `${about} One of: ${options.join(', ')}.`, (value) => {
    const found = options.find((option) => option === value.trim().toLowerCase());
    if (found) return found;
    throw new Error(`one of ${options.join(', ')}`);
  });

const url = (about: string, schemes: RegExp, description: string) =>
  variable(undefined, about, (value) => {
    if (schemes.test(value) && URL.canParse(value)) return value;
    throw new Error(description);
  });

const ONE_SERVER =
  'the URL of one server: put a proxy or a pooler that follows the primary before several (HAProxy, PgBouncer, the address of a cluster), and give its address';

export const postgresUrl = (about: string) => {
  const one = url(about, /^postgres(ql)?:\/\//, 'a URL such as postgresql://user:password@host:5432/database');
  const parse = (value: string) => {
    const [, authority = ''] = /^\w+:\/\/([^/?#]*)/.exec(value) ?? [];
    const hosts = [authority.split('@').at(-1), ...(/[?&]host=([^&#]*)/.exec(value)?.slice(1) ?? [])];
    if (hosts.some((host) => /,|%2c/i.test(host ?? ''))) throw new Error(ONE_SERVER);
    return one.parse(value);
  };
  return { ...one, parse, secret: true };
};

export const webUrl = (about: string) => url(about, /^https?:\/\//, 'an http or https URL');

/** Kept as text: six places for a million tokens are twelve for one, which is what a cost is stored with. */
export const price = (about: string) =>
  variable('0', about, (value) => {
    if (/^\d{1,6}(\.\d{1,6})?$/.test(value.trim())) return value.trim();
    throw new Error('a price such as 2.5, with at most six places');
  });

export const identifier = (fallback: string, maximum: number, about: string) =>
  variable(fallback, about, (value) => {
    if (value.length >= 1 && value.length <= maximum && /^[A-Za-z0-9_\-.:@]+$/.test(value)) return value;
    throw new Error(`1 to ${maximum} of A-Z a-z 0-9 _ - . : @`);
  });

/** `auto`, or 0, is one for each core that the system lets the process use; Node 20 counts no quota. */
export const processes = (fallback: number, max: number, about: string) =>
  variable(fallback, about, (value) => {
    if (/^(auto|0)$/i.test(value.trim())) return Math.min(availableParallelism(), max);
    return number(value, 'auto, or a whole number', Number.isSafeInteger, { min: 1, max });
  });
