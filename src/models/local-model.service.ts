import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { ChatModel, type ModelAnswer, type ModelMessage, type ModelRequest } from './chat-model.service';
import { describe, textOf, toSystemText } from './model-context';
import { toUsage } from './model-usage';
import { rank, wordsOf } from '../common/word-ranking';

const LOCAL_NOTICE = 'This is no language model: set MODEL_BASE_URL to have one answer.';

const MAX_QUOTES = 3;
/** The newest messages are searched, and of each the beginning: a long session must not hold up the server. */
const MAX_SEARCHED = 500;
const MAX_SEARCHED_LENGTH = 2000;
const MAX_QUOTE_LENGTH = 300;
const FREE = { input: '0', output: '0' };

/** Answers without a model, from what it is given: what is remembered, the variables, and what was said before. */
@Injectable()
export class LocalModel extends ChatModel {
  readonly name = 'local';

  async answer(request: ModelRequest, onText?: (piece: string) => void): Promise<ModelAnswer> {
    request.signal?.throwIfAborted();
    const text = compose(request);
    for (const piece of onText ? (text.match(/\s*\S+/g) ?? []) : []) {
      await nextTurn();
      request.signal?.throwIfAborted();
      onText!(piece);
    }
    const prompt = [toSystemText(request), ...request.messages.map(({ content }) => textOf(content))].join('\n');
    return { text, model: this.name, finish_reason: 'stop', usage: toUsage({}, prompt, text, FREE) };
  }
}

/** The same request is the same answer. */
function compose({ facts, variables, messages }: ModelRequest): string {
  const question = textOf(messages.at(-1)?.content);
  const remembered = matching(question, describe(facts), /\b(facts?|memory|memories|remember\w*|know)\b/i);
  const known = matching(question, describe(variables), /\bvariables?\b/i);
  const said = quotes(question, messages.slice(0, -1));
  const found = [
    ...listed('What is remembered of you:', remembered),
    ...listed('Variables of the notebook:', known),
    ...listed('Said earlier:', said),
  ];
  if (/\bvariables?\b/i.test(question) && known.length === 0) found.push('There are no variables.');
  return [...(found.length > 0 ? found : ['Nothing that was said or stored matches the question.']), LOCAL_NOTICE].join(
    '\n',
  );
}

/** Lines that are compared with a question. */
const MAX_LINES = 1000;

/** All of the lines where the question asks for them as such, else those that share a word with it. */
function matching(question: string, lines: string[], all: RegExp): string[] {
  return all.test(question) ? lines : rank(question, lines.slice(0, MAX_LINES)).map((position) => lines[position]);
}

/** Earlier questions are like this one, but answer nothing; our own answers only repeat what they quote. */
function quotes(question: string, earlier: ModelMessage[]): string[] {
  const texts = earlier
    .filter(({ role }) => role === 'user' || role === 'assistant')
    .slice(-MAX_SEARCHED)
    .map(({ role, content }) => ({ role, text: textOf(content).slice(0, MAX_SEARCHED_LENGTH).trim() }))
    .filter(({ text }) => wordsOf(text).length > 0 && !/[?？]$/.test(text) && !text.includes(LOCAL_NOTICE));
  const best = rank(
    question,
    texts.map(({ text }) => text),
  );
  return best.slice(0, MAX_QUOTES).map((position) => {
    const { role, text } = texts[position];
    return `${role}: ${shorten(text)}`;
  });
}

function shorten(text: string): string {
  const characters = [...text.replace(/\s+/g, ' ')];
  return characters.length > MAX_QUOTE_LENGTH
    ? `${characters.slice(0, MAX_QUOTE_LENGTH).join('')}…`
    : characters.join('');
}

const listed = (title: string, lines: string[]) =>
  lines.length > 0 ? [title, ...lines.map((line) => `- ${line}`)] : [];
