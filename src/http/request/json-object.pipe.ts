import { type PipeTransform } from '@nestjs/common';
import { commonErrors } from '../../common/errors';
import { isObject } from './fields';

/** A body that is a JSON object of the caller's own making. @throws VALIDATION_FAILED */
export class JsonObjectPipe implements PipeTransform {
  transform(value: unknown): object {
    if (isObject(value)) return value;
    throw commonErrors.VALIDATION_FAILED().with({ errors: [{ field: 'body', message: 'body must be a JSON object' }] });
  }
}
