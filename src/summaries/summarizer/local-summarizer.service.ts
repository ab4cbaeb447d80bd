import { setImmediate as nextTurn } from 'node:timers/promises';
import { wordsOf } from '../../common/word-ranking';
import type { ModelMessage } from '../../models';
import { saidIn, Summarizer } from './summarizer.service';

/** Characters of a summary, of a sentence in it, and of a message that are looked at. */
const LONGEST = 1500;
const MAX_SENTENCE_LENGTH = 300;
const MAX_MESSAGE_LENGTH = 4000;

/** After so many messages others have their turn: a long conversation must not hold up the server. */
const STRIDE = 100;

/** A number or a name in the middle of a sentence tells more than its words. */
const TELLING = /\p{N}+|(?<=[\p{Ll}\p{N},;:]\s)\p{Lu}[\p{L}\p{M}]+/gu;
const MAX_TELLING = 4;

interface Sentence {
  role: string;
  /** Position of its message. */
  message: number;
  text: string;
  words: string[];
}

/** Picks the most telling sentences, word for word, in their order. No model, no key; the same messages are the same summary. */
export class LocalSummarizer extends Summarizer {
  readonly name = 'local';

  async summarize(messages: ModelMessage[], signal?: AbortSignal): Promise<string> {
    const sentences: Sentence[] = [];
    for (const [message, each] of messages.entries()) {
      if (message % STRIDE === 0) await nextTurn();
      signal?.throwIfAborted();
      sentences.push(...sentencesOf(each, message));
    }
    if (messages.length > 0 && sentences.length === 0) return `${messages.length} messages without text.`;
    return toText(pick(distinct(sentences)));
  }
}

function sentencesOf(message: ModelMessage, position: number): Sentence[] {
  const texts = saidIn(message)
    .slice(0, MAX_MESSAGE_LENGTH)
    .split(/(?<=[.!?…])\s+|(?<=[。！？])|[\r\n]+/u);
  return texts
    .map((text) => shorten(text.replace(/\s+/g, ' ').trim()))
    .filter(Boolean)
    .map((text) => ({ role: message.role, message: position, text, words: [...new Set(wordsOf(text))] }));
}

function distinct(sentences: Sentence[]): Sentence[] {
  const seen = new Set<string>();
  return sentences.filter(({ text }) => {
    const key = text.toLowerCase();
    return seen.has(key) ? false : seen.add(key);
  });
}

/** The best ones that fit, at least one, in their order. */
function pick(sentences: Sentence[]): Sentence[] {
  const counts = new Map<string, number>();
  for (const { words } of sentences) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const scored = sentences.map((sentence, place) => ({ sentence, place, score: scoreOf(sentence, counts) }));
  scored.sort((a, b) => b.score - a.score || a.place - b.place);
  let room = LONGEST;
  const picked = scored.filter(({ sentence: { text, role } }, rank) => {
    const length = text.length + role.length + 3;
    if (rank > 0 && length > room) return false;
    room -= length;
    return true;
  });
  return picked.sort((a, b) => a.place - b.place).map(({ sentence }) => sentence);
}

/** Words that come again and again say what it is about; long sentences do not win by their length alone. */
function scoreOf({ text, words }: Sentence, counts: Map<string, number>): number {
  const sum = words.reduce((total, word) => total + Math.log1p(counts.get(word) as number), 0);
  const telling = Math.min(MAX_TELLING, text.match(TELLING)?.length ?? 0);
  return (sum / Math.sqrt(words.length + 3)) * (1 + telling / 2) + telling / 10;
}

/** `role: …`, a line for each message. */
function toText(sentences: Sentence[]): string {
  const lines = new Map<number, string>();
  for (const { message, role, text } of sentences) {
    const line = lines.get(message);
    lines.set(message, line === undefined ? `${role}: ${text}` : `${line} ${text}`);
  }
  return [...lines.values()].join('\n');
}

function shorten(text: string): string {
  if (text.length <= MAX_SENTENCE_LENGTH) return text;
  return `${[...text.slice(0, MAX_SENTENCE_LENGTH)].slice(0, -1).join('')}…`;
}
