import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { ValidateNested, validateSync, type ValidationError } from 'class-validator';
import { commonErrors, type FieldError } from './errors';
import { isObject } from './fields';

type Items = Map<string, Type<object>>;
const itemsOf = new WeakMap<object, Items>();

/** An array of DTOs inside a body: each item becomes an instance of its class and is validated as one. */
export function ItemsOf(type: Type<object>): PropertyDecorator {
  return (prototype, name) => {
    const items: Items = itemsOf.get(prototype) ?? new Map();
    itemsOf.set(prototype, items.set(String(name), type));
    ValidateNested({ each: true })(prototype, name);
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
    const isDto = metatype && (type === 'body' || type === 'query') && !isBuiltIn(metatype);
    return isDto ? validateAs(metatype, value, type) : value;
  }
}

const isBuiltIn = (type: Type) => ([String, Number, Boolean, Object, Array, Function] as unknown[]).includes(type);

/** @throws VALIDATION_FAILED */
export function validateAs(type: Type, value: unknown, part: 'body' | 'query'): object {
  const plain = value ?? {};
  if (!isObject(plain)) throw invalid([{ field: part, message: `${part} must be a JSON object` }]);
  const dto = part === 'query' ? plainToInstance(type, { ...plain }) : fill(type, plain);
  const errors = validateSync(dto, { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true });
  if (errors.length > 0) throw invalid(errors.flatMap((error) => flatten(error)));
  return dto;
}

function fill(type: Type, plain: object): object {
  const dto = Object.assign(new type() as Record<string, unknown>, plain);
  for (const [name, item] of itemsOf.get(type.prototype) ?? []) {
    const list = dto[name];
    if (Array.isArray(list)) dto[name] = list.map((entry) => (isObject(entry) ? fill(item, entry) : entry));
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
