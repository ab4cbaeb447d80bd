import { isObject } from '../http/request/fields';

/**
 * A claim by its name or by its dotted path. The exact name goes first: names such as `https://example.com/org` have
 * dots of their own. Only a claim's own members count, so that no path reaches into an object's prototype.
 */
export function readClaim(claims: object, path: string): unknown {
  if (Object.hasOwn(claims, path)) return (claims as Record<string, unknown>)[path];
  return path.split('.').reduce<unknown>((value, name) => {
    return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }, claims);
}
