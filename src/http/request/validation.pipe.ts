import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { plainToInstance } from 'class-transformer';
import { ValidateNested, validateSync, type ValidationError } from 'class-validator';
import { commonErrors, type FieldError } from '../../common/errors';
import { isObject, satisfies } from './fields';
import { isSurelyValid } from './quick-validation';

type Dto = Type<Record<string, unknown>>;
type Items = Map<string, Dto>;
const itemsOf = new WeakMap<object, Items>();

/** An array of DTOs inside a body: each item becomes an instance of its class and is validated as one. */
export function ItemsOf(type: Type<object>): PropertyDecorator {
  return (prototype, name) => {
    const items: Items = itemsOf.get(prototype) ?? new Map<string, Dto>();
    itemsOf.set(prototype, items.set(String(name), type as Dto));
    ValidateNested({ each: true })(prototype, name);
  };
}

/** A DTO inside a body, which has to be there. */
export function PartOf(type: Type<object>, description: string): PropertyDecorator {
  return (prototype, name) => {
    ApiProperty({ type, description })(prototype, name);
    satisfies('isJsonObject', 'be an object', isObject)(prototype, name);
    const items: Items = itemsOf.get(prototype) ?? new Map<string, Dto>();
    itemsOf.set(prototype, items.set(String(name), type as Dto));
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

/** @throws VALIDATION_FAILED */
export function validateAs(type: Type<object>, value: unknown, part: 'body' | 'query'): object {
  const plain = value ?? {};
  if (!isObject(plain)) throw invalid([{ field: part, message: `${part} must be a JSON object` }]);
  if (part === 'query') refuseConstructor(plain);
  const dto = part === 'query' ? parseQuery(type, plain) : fill(type as Dto, plain);
  if (isSurelyValid(dto)) return dto;
  const errors = validateSync(dto, { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true });
  if (errors.length > 0) throw invalid(errors.flatMap((error) => flatten(error)));
  return dto;
}

/** Most requests have no query: class-transformer has nothing to do then. */
const parseQuery = (type: Type<object>, plain: object): object =>
  Object.keys(plain).length === 0 ? new type() : plainToInstance(type, { ...plain });

/** No DTO has a field of this name, and class-validator would take its value for the class. */
function refuseConstructor(plain: object): void {
  if (!Object.hasOwn(plain, 'constructor')) return;
  throw invalid([{ field: 'constructor', message: 'constructor is not known here' }]);
}

function fill(type: Dto, plain: object): object {
  refuseConstructor(plain);
  const dto = Object.assign(new type(), plain);
  for (const [name, item] of itemsOf.get(type.prototype as object) ?? []) {
    const list = dto[name];
    if (Array.isArray(list)) dto[name] = list.map((entry: unknown) => (isObject(entry) ? fill(item, entry) : entry));
    else if (isObject(list)) dto[name] = fill(item, list);
  }
  return dto;
}

const invalid = (errors: FieldError[]) => commonErrors.VALIDATION_FAILED().with({ errors: errors.slice(0, 100) });

function flatten(error: ValidationError, parent = ''): FieldError[] {
  const field = parent + error.property;
  const own = Object.values(error.constraints ?? {}).map((message) => ({
    field,
    message: message
      .replace(`${error.property} `, `${field} `)
      .replace(/^property .* should not exist$/, `${field} is not known here`),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, `${field}.`))];
}
