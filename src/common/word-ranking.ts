/** Words that say nothing of what a sentence is about. */
const STOP_WORDS = new Set(
  `a about am an and any are as at be been but by can could did do does for from had has have he her him his how i if in
  is it its just let may me mine my no not of on or our please she should so some tell than that the their them then
  there these they this those to was we were what when where which who whom whose why will with would you your yours
  s t m d ll re ve`.split(/\s+/),
);

/** Scripts that write words without spaces: each character counts as a word. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu;

/** How fast a repeated word stops counting, and how much a long text is held against it (Okapi BM25). */
const SATURATION = 1.2;
const LENGTH_WEIGHT = 0.75;

/** What of a question is looked for: the work grows with its words times the texts, and nothing else runs meanwhile. */
const MAX_QUESTION_LENGTH = 4000;
const MAX_WORDS = 200;

/** The words of a text that mean something, in lower case, without a plural s. */
export function wordsOf(text: string): string[] {
  const spaced = text
    .normalize('NFKC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .replace(UNSPACED, ' $& ');
  const words = spaced.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return words.filter((word) => !STOP_WORDS.has(word)).map((word) => word.replace(/(?<=[a-z]{3})(?<!s)s$/, ''));
}

/** Positions of the texts that share words with the question, best first; of equals the later one. */
export function rank(question: string, texts: string[]): number[] {
  const wanted = [...new Set(wordsOf(question.slice(0, MAX_QUESTION_LENGTH)))].slice(0, MAX_WORDS);
  const counts = texts.map((text) => countWords(wordsOf(text)));
  const average = counts.reduce((sum, { length }) => sum + length, 0) / Math.max(counts.length, 1);
  const weights = wanted.map((word) => [word, rarity(word, counts)] as const);
  return counts
    .map(({ words, length }, position) => {
      const penalty = SATURATION * (1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * length) / (average || 1));
      const score = weights.reduce((sum, [word, weight]) => {
        const count = words.get(word) ?? 0;
        return sum + (weight * count * (SATURATION + 1)) / (count + penalty);
      }, 0);
      return { position, score };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || b.position - a.position)
    .map(({ position }) => position);
}

interface Counts {
  words: Map<string, number>;
  length: number;
}

function countWords(list: string[]): Counts {
  const words = new Map<string, number>();
  for (const word of list) words.set(word, (words.get(word) ?? 0) + 1);
  return { words, length: list.length };
}

function rarity(word: string, counts: Counts[]): number {
  const having = counts.filter(({ words }) => words.has(word)).length;
  return Math.log(1 + (counts.length - having + 0.5) / (having + 0.5));
}
