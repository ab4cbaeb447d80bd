import * as fc from 'fast-check';
import { assertModest } from './json-size';

/** By walking what was parsed. */
function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + valuesOf(item), 1);
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
          expect(() => assertModest(bytes, values, depth)).not.toThrow();
          expect(() => assertModest(bytes, values - 1, depth)).toThrow(
            expect.objectContaining({ code: 'TOO_MANY_VALUES' }),
          );
          if (depth > 0)
            expect(() => assertModest(bytes, values, depth - 1)).toThrow(expect.objectContaining({ code: 'TOO_DEEP' }));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(['', '"', '"\\', '"\\"', '[', ']', '}}}}', '{"a', '\ufeff[]', '"[[[[[["', '["\\\\", "]]][[["]'])(
    'H1 leaves to the parser what is no JSON: %j',
    (text) => expect(() => assertModest(Buffer.from(text), 3, 1)).not.toThrow(),
  );
});
