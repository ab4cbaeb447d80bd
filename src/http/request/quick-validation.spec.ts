import {
  IsArray,
  IsNotEmpty,
  Validate,
  validateSync,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import * as fc from 'fast-check';
import { EnumField, field, IdField, IntField, NameField, ObjectField, TextField, TimeField, UuidField } from './fields';
import { isSurelyValid } from './quick-validation';
import { ItemsOf, PartOf, validateAs } from './validation.pipe';

class Item {
  @IntField({ min: 1, max: 9, required: true, description: 'A number.' })
  size!: number;

  @NameField({ description: 'A name.' })
  name?: string;
}

class Base {
  @UuidField({ description: 'An id.' })
  id?: string;

  @TimeField({ description: 'A time.' })
  at?: string;
}

class Whole extends Base {
  @EnumField(['a', 'b'], { description: 'A choice.' })
  kind?: string;

  @TextField({ min: 1, max: 3, nullable: true, description: 'A text.' })
  text?: string | null;

  @IdField({ required: true, description: 'Whose.' })
  owner!: string;

  @ObjectField({ maxBytes: 20, description: 'Data.' })
  data?: object;

  @IsArray()
  @ItemsOf(Item)
  items!: Item[];

  @PartOf(Item, 'One.')
  part!: Item;
}

/** A little of everything, right and wrong. */
const some = fc.oneof(
  ...[fc.constantFrom('a', 'b', '', 'abc', 'abcd', ' ', '2024-01-01T00:00:00Z', 'x\n'), fc.uuid(), fc.integer()],
  ...[
    fc.integer({ min: 1, max: 9 }),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined, {}, [], [null], [[]]),
  ],
);
const item = fc.oneof(
  { weight: 8, arbitrary: fc.record({ size: fc.integer({ min: 1, max: 9 }), name: fc.constantFrom('n', undefined) }) },
  { weight: 1, arbitrary: fc.record({ size: some, name: some, other: some }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: some },
);
const right = fc.record(
  {
    id: fc.uuid(),
    at: fc.constant('2024-01-01T00:00:00Z'),
    kind: fc.constantFrom('a', 'b'),
    text: fc.constantFrom(null, 'abc'),
    owner: fc.constant('alice'),
    data: fc.constantFrom({}, { a: 1 }),
    items: fc.array(item, { maxLength: 3 }),
    part: item,
  },
  { requiredKeys: ['owner', 'items', 'part'] },
);
const wrong = fc.dictionary(
  fc.constantFrom('id', 'at', 'kind', 'text', 'owner', 'data', 'items', 'part', 'more'),
  some,
  {
    maxKeys: 1,
  },
);

const OPTIONS = { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true };

/** As `validateAs` makes them. */
function instanceOf(plain: Record<string, unknown>): Whole {
  const filled = (value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.assign(new Item(), value) : value;
  const { items, part } = plain;
  const lists = { items: Array.isArray(items) ? items.map(filled) : filled(items), part: filled(part) };
  return Object.assign(new Whole(), plain, lists);
}

describe('Quick validation', () => {
  it('says the same of everything as class-validator does', () => {
    const seen = new Set<boolean>();
    fc.assert(
      fc.property(right, fc.oneof(fc.constant({}), wrong), (good, bad) => {
        const dto = instanceOf({ ...good, ...bad });
        const valid = validateSync(dto, OPTIONS).length === 0;
        seen.add(valid);
        // A list in the list, or a hole, which class-validator finds nothing wrong with, is left to it.
        const isOdd = (value: unknown) => value === undefined || Array.isArray(value);
        const isSimple = !Array.isArray(dto.items) || !dto.items.some(isOdd);
        expect(isSurelyValid(dto)).toBe(valid && isSimple);
      }),
      { numRuns: 2000 },
    );
    expect(seen.size).toBe(2);
  });

  it('leaves to class-validator what it does not know: rules of each item, validators that wait, plain objects', () => {
    class Each {
      @IsNotEmpty({ each: true })
      list!: string[];
    }
    @ValidatorConstraint({ async: true })
    class Later implements ValidatorConstraintInterface {
      validate = () => Promise.resolve(false);
    }
    class Waits {
      @Validate(Later)
      value!: string;
    }
    expect(isSurelyValid(Object.assign(new Each(), { list: ['a'] }))).toBe(false);
    expect(isSurelyValid(Object.assign(new Waits(), { value: 'a' }))).toBe(false);
    expect(isSurelyValid({})).toBe(false);
    expect(isSurelyValid(Object.create(null) as object)).toBe(false);
    expect(() => validateAs(Each, { list: [''] }, 'body')).toThrow();
  });

  it('looks at a field only under all of its conditions', () => {
    class Optional {
      @field({ description: 'A text.', nullable: true }, { type: String }, IsNotEmpty())
      text?: string | null;
    }
    const of = (text: unknown) => isSurelyValid(Object.assign(new Optional(), { text }));
    expect([of(undefined), of(null), of('a'), of('')]).toEqual([true, true, true, false]);
  });
});
