import { FlagField } from './fields';

/** The query of a deletion: to the trash, or for good. */
export class EraseQuery {
  @FlagField({
    default: 'false',
    description: 'true: at once and for good, also of what is in the trash already. Only the owner may.',
  })
  erase?: 'true' | 'false';
}
