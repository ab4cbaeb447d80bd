import { getMetadataStorage, ValidationTypes } from 'class-validator';

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];
type Test = (object: object, value: unknown) => boolean;

/** What class-validator knows of one field, as far as it decides between valid and not. */
interface FieldRules {
  /** Unless all hold, the field is not looked at. */
  conditions: Test[];
  tests: Test[];
  /** Whether its object, or every one of its list, is validated as what it is. */
  isNested: boolean;
}

type Rules = Map<string, FieldRules>;

const rulesOf = new WeakMap<object, Rules | null>();

/**
 * Whether an instance is valid, by the same rules as `validateSync`, which makes an error object of every field first, also
 * of the good ones: some dozens of kilobytes for a message.
 * @returns false: it is not, or this cannot tell; `validateSync` then says what is wrong
 */
export function isSurelyValid(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null;
  const rules = prototype && rulesFor(prototype);
  if (!rules) return false;
  for (const name of Object.keys(object)) if (!rules.has(name)) return false;
  for (const [name, field] of rules) {
    const value = (object as Record<string, unknown>)[name];
    if (!field.conditions.every((holds) => holds(object, value))) continue;
    if (!field.tests.every((test) => test(object, value))) return false;
    if (field.isNested && !isNestedValid(value)) return false;
  }
  return true;
}

/** Whether a class has a rule for a field of that name. */
export const isKnown = (type: { prototype: unknown }, name: string): boolean =>
  fieldsOf(type.prototype as object).has(name);

function isNestedValid(value: unknown): boolean {
  if (value === undefined) return true;
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.every((item) => typeof item === 'object' && item !== null && isSurelyValid(item));
}

const namesOf = new WeakMap<object, Set<string>>();

function fieldsOf(prototype: object): Set<string> {
  let names = namesOf.get(prototype);
  if (names === undefined) {
    const all = getMetadataStorage().getTargetValidationMetadatas(prototype.constructor, '', false, false);
    namesOf.set(prototype, (names = new Set(all.map(({ propertyName }) => propertyName))));
  }
  return names;
}

function rulesFor(prototype: object): Rules | null {
  let rules = rulesOf.get(prototype);
  if (rules === undefined) rulesOf.set(prototype, (rules = makeRules(prototype)));
  return rules;
}

/** @returns null where there is anything that is not known here */
function makeRules({ constructor }: object): Rules | null {
  const storage = getMetadataStorage();
  const all = storage.getTargetValidationMetadatas(constructor, '', false, false);
  if (all.length === 0) return null;
  const rules: Rules = new Map();
  for (const metadata of all) {
    const field = rules.get(metadata.propertyName) ?? {
      conditions: [],
      tests: [],
      isNested: false,
    };
    rules.set(metadata.propertyName, field);
    if (metadata.type === ValidationTypes.NESTED_VALIDATION) field.isNested = true;
    else if (metadata.type === ValidationTypes.CONDITIONAL_VALIDATION)
      field.conditions.push(metadata.constraints[0] as Test);
    else if (metadata.type === ValidationTypes.CUSTOM_VALIDATION && !metadata.each && !metadata.validateIf)
      field.tests.push(testOf(metadata));
    else return null;
  }
  return rules;
}

/** A promise is no answer here. */
function testOf({ constraintCls, constraints, propertyName: property }: Metadata): Test {
  const validators = getMetadataStorage().getTargetValidatorConstraints(constraintCls);
  return (object, value) => {
    const about = { targetName: object.constructor.name, property, object, value, constraints };
    return validators.every(({ instance }) => instance.validate(value, about) === true);
  };
}
