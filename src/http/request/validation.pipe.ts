import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { plainToInstance } from 'class-transformer';
import { ValidateNested, validateSync, type ValidationError } from 'class-validator';
import { commonErrors, type FieldError } from '../../common/errors';
import { isObject, satisfies } from './fields';
import { checkCount } from './limits';
import { isKnown, isSurelyValid } from './quick-validation';

type Dto = Type<Record<string, unknown>>;
interface Item {
  type: Dto;
  /** How many of them a list may have. */
  most: number;
}
type Items = Map<string, Item>;
const itemsOf = new WeakMap<object, Items>();

/** More help nobody; a body of a megabyte has room for many. */
const MAX_ERRORS = 100;

/**
 * An array of DTOs inside a body: each item becomes an instance of its class and is validated as one.
 * @param most items, counted before they are looked at: TOO_MANY_ITEMS
 */
export function ItemsOf(type: Type<object>, most = Infinity): PropertyDecorator {
  return (prototype, name) => {
    const items: Items = itemsOf.get(prototype) ?? new Map<string, Item>();
    itemsOf.set(prototype, items.set(String(name), { type: type as Dto, most }));
    ValidateNested({ each: true })(prototype, name);
  };
}

/** A DTO inside a body, which has to be there. */
export function PartOf(type: Type<object>, description: string): PropertyDecorator {
  return (prototype, name) => {
    ApiProperty({ type, description })(prototype, name);
    satisfies('isJsonObject', 'be an object', isObject)(prototype, name);
    const items: Items = itemsOf.get(prototype) ?? new Map<string, Item>();
    itemsOf.set(prototype, items.set(String(name), { type: type as Dto, most: 1 }));
    ValidateNested()(prototype, name);
  };
}

/**
 * Turns a body or a query into its DTO class and validates it; an unknown field is an error (X06).
 * Bodies are not handed to class-transformer: it walks into stored JSON, where it drops keys such as `constructor`.
 * @throws VALIDATION_FAILED
 */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (!metatype || (type !== 'body' && type !== 'query')) return value;
    // What the compiler makes of a class that was imported by `import type`: it would go unvalidated.
    if (metatype === Function) throw new Error(`A DTO of the ${type} was imported as a type only`);
    return isBuiltIn(metatype) ? value : validateAs(metatype as Dto, value, type);
  }
}

const isBuiltIn = (type: Type) => ([String, Number, Boolean, Object, Array] as unknown[]).includes(type);

/** @throws VALIDATION_FAILED, TOO_MANY_ITEMS */
export function validateAs(type: Type<object>, value: unknown, part: 'body' | 'query'): object {
  const plain = value ?? {};
  const errors: FieldError[] = [];
  if (!isObject(plain)) throw invalid([{ field: part, message: `${part} must be a JSON object` }]);
  const known = onlyKnown(type as Dto, plain, '', errors);
  const dto = part === 'query' ? parseQuery(type, known) : fill(type as Dto, known, '', errors);
  if (errors.length === 0 && isSurelyValid(dto)) return dto;
  findErrors(dto, '', errors);
  if (errors.length > 0) throw invalid(errors);
  return dto;
}

/** Most requests have no query: class-transformer has nothing to do then. */
const parseQuery = (type: Type<object>, plain: object): object =>
  Object.keys(plain).length === 0 ? new type() : plainToInstance(type, plain);

/** The fields that the class has; of the others, the first are errors. They are never copied: there may be a million. */
function onlyKnown(type: Dto, plain: object, path: string, errors: FieldError[]): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  for (const name of Object.keys(plain)) {
    if (isKnown(type, name)) known[name] = (plain as Record<string, unknown>)[name];
    else if (errors.length < MAX_ERRORS)
      errors.push({ field: path + name, message: `${path + name} is not known here` });
  }
  return known;
}

function fill(type: Dto, plain: Record<string, unknown>, path: string, errors: FieldError[]): object {
  const dto = Object.assign(new type(), plain);
  const fillItem = (item: Dto, entry: unknown, place: string) =>
    isObject(entry) && errors.length < MAX_ERRORS
      ? fill(item, onlyKnown(item, entry, `${place}.`, errors), `${place}.`, errors)
      : entry;
  for (const [name, { type: item, most }] of itemsOf.get(type.prototype as object) ?? []) {
    const list = dto[name];
    if (Array.isArray(list)) {
      checkCount(list, most);
      dto[name] = list.map((entry, i) => fillItem(item, entry, `${path}${name}.${i}`));
    } else if (isObject(list)) dto[name] = fillItem(item, list, `${path}${name}`);
  }
  return dto;
}

/**
 * Adds what class-validator finds, until there is enough. It makes an error object of every field of every item first, so that
 * lists are kept from it: their items are looked at one by one.
 */
function findErrors(dto: object, path: string, errors: FieldError[]): void {
  const lists = [...(itemsOf.get(Object.getPrototypeOf(dto) as object) ?? [])].flatMap(([name]) => {
    const list = (dto as Record<string, unknown>)[name];
    return Array.isArray(list) ? [[name, list as unknown[]] as const] : [];
  });
  const empty = Object.fromEntries(lists.map(([name]) => [name, []]));
  const found = validateSync(Object.assign(Object.create(Object.getPrototypeOf(dto) as object), dto, empty) as object, {
    stopAtFirstError: true,
  });
  errors.push(...found.flatMap((error) => flatten(error, path)));
  for (const [name, list] of lists) {
    for (let i = 0; i < list.length && errors.length < MAX_ERRORS; i += 1) {
      const field = `${path}${name}.${i}`;
      const entry = list[i];
      if (!isObject(entry)) errors.push({ field, message: `${field} must be an object` });
      else if (!isSurelyValid(entry)) findErrors(entry, `${field}.`, errors);
    }
  }
}

const invalid = (errors: FieldError[]) =>
  commonErrors.VALIDATION_FAILED().with({ errors: errors.slice(0, MAX_ERRORS) });

function flatten(error: ValidationError, parent = ''): FieldError[] {
  const field = parent + error.property;
  const own = Object.values(error.constraints ?? {}).map((message) => ({
    field,
    message: message.replace(`${error.property} `, `${field} `),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, `${field}.`))];
}
