import { Inject, mixin, type PipeTransform, type Type } from '@nestjs/common';
import { commonErrors } from '../../common/errors';
import { CONFIG, type Config } from '../../config/config';
import { isObject } from './fields';
import { checkCount } from './limits';
import { validateAs } from './validation.pipe';

/** Validates a body that is one item, or an object whose `listName` holds at most `MESSAGE_BATCH_LIMIT`, counted first. */
export function oneOrMany(one: Type<object>, many: Type<object>, listName: string): Type<PipeTransform> {
  class OneOrManyPipe implements PipeTransform {
    constructor(@Inject(CONFIG) private readonly config: Config) {}

    /** @throws VALIDATION_FAILED, TOO_MANY_ITEMS */
    transform(value: unknown): object {
      if (!isObject(value) || !(listName in value)) return validateAs(one, value, 'body');
      const list = value[listName];
      if (Array.isArray(list)) checkCount(list, this.config.env.MESSAGE_BATCH_LIMIT);
      return validateAs(many, value, 'body');
    }
  }
  return mixin(OneOrManyPipe);
}

/** A body that is a JSON object of the caller's own making. @throws VALIDATION_FAILED */
export class JsonObjectPipe implements PipeTransform {
  transform(value: unknown): object {
    if (isObject(value)) return value;
    throw commonErrors.VALIDATION_FAILED().with({ errors: [{ field: 'body', message: 'body must be a JSON object' }] });
  }
}
