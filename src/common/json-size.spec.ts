import * as fc from 'fast-check';
import { assertModest } from './json-size';

/** By walking what was parsed. */
function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  const keys = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, item) => sum + valuesOf(item), 1 + keys);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('assertModest', () => {
  it('H1 counts the values and the depth of any JSON, however it is written', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6, noNegativeZero: true } as never),
        fc.constantFrom(0, 1, '\t'),
        (value, space) => {
          const bytes = Buffer.from(JSON.stringify(value, null, space));
          const [values, depth] = [valuesOf(value), depthOf(value)];
          expect(() => assertModest(bytes, { values, keys: 1000, depth })).not.toThrow();
          expect(() => assertModest(bytes, { values: values - 1, keys: 1000, depth })).toThrow(
            expect.objectContaining({ code: 'TOO_MANY_VALUES' }),
          );
          if (depth > 0)
            expect(() => assertModest(bytes, { values, keys: 1000, depth: depth - 1 })).toThrow(
              expect.objectContaining({ code: 'TOO_DEEP' }),
            );
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(['', '"', '"\\', '"\\"', '[', ']', '}}}}', '{"a', '\ufeff[]', '"[[[[[["', '["\\\\", "]]][[["]'])(
    'H1 leaves to the parser what is no JSON: %j',
    (text) => expect(() => assertModest(Buffer.from(text), { values: 3, keys: 1, depth: 1 })).not.toThrow(),
  );

  it('M1 counts keys that differ, wherever they stand', () => {
    const objects = (differ: boolean) =>
      Buffer.from(
        JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ [differ ? `k${i}` : 'k']: 'k', l: { k: 1 } }))),
      );
    expect(() => assertModest(objects(false), { values: 9000, keys: 2, depth: 3 })).not.toThrow();
    expect(() => assertModest(objects(true), { values: 9000, keys: 510, depth: 3 })).not.toThrow();
    expect(() => assertModest(objects(true), { values: 9000, keys: 490, depth: 3 })).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_KEYS' }),
    );
  });
});
