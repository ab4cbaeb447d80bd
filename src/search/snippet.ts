/** What the database puts around a hit: characters for private use, which are taken out of the text before. */
export const HIT_BEGINS = '\uE000';
export const HIT_ENDS = '\uE001';

const MARKS = new RegExp(`[${HIT_BEGINS}${HIT_ENDS}]`, 'g');
const UNSPACED = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}';
const ADDED_SPACE = new RegExp(`(?<=[${UNSPACED}]${HIT_ENDS}?) +(?=${HIT_BEGINS}?[${UNSPACED}])`, 'gu');
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * A marked extract as it is shown: hits in `<mark>`, the rest escaped for HTML. The database compares small letters; the
 * capitals are those of the original.
 * @param extract part of the text, in small letters perhaps, with hits between `HIT_BEGINS` and `HIT_ENDS`
 */
export function toSnippet(extract: string, original: string): string {
  const marked = restoreCapitals(extract.replace(ADDED_SPACE, ''), original);
  return marked
    .replace(/[&<>"']/g, (character) => ENTITIES[character])
    .replaceAll(HIT_BEGINS, '<mark>')
    .replaceAll(HIT_ENDS, '</mark>');
}

function restoreCapitals(marked: string, original: string): string {
  const plain = marked.replace(MARKS, '');
  // As in the database, which takes what looks like a tag for a space.
  const small = original.toLowerCase().replace(/[<>]/g, ' ');
  const start = small.indexOf(plain.toLowerCase().replace(/[<>]/g, ' '));
  // Few letters change their length with their case; after one of them, places no longer agree.
  if (start < 0 || small.length !== original.length) return marked;
  let at = start;
  return marked.replace(/[^\uE000\uE001]/g, () => original[at++]);
}
