import { type PipeTransform, type Type } from '@nestjs/common';
import { commonErrors } from '../../common/errors';
import { isObject } from './fields';
import { validateAs } from './validation.pipe';

/** A body that is one item, or an object whose `listName` holds many. */
export class OneOrManyPipe implements PipeTransform {
  constructor(
    private readonly one: Type<object>,
    private readonly many: Type<object>,
    private readonly listName: string,
  ) {}

  /** @throws VALIDATION_FAILED */
  transform(value: unknown): object {
    const isMany = isObject(value) && this.listName in value;
    return validateAs(isMany ? this.many : this.one, value, 'body');
  }
}

/** A body that is a JSON object of the caller's own making. @throws VALIDATION_FAILED */
export class JsonObjectPipe implements PipeTransform {
  transform(value: unknown): object {
    if (isObject(value)) return value;
    throw commonErrors.VALIDATION_FAILED().with({ errors: [{ field: 'body', message: 'body must be a JSON object' }] });
  }
}
