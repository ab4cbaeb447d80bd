import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(__dirname, '../../..', '../shared/data/airline-conversations.jsonl');

export interface RealConversation {
  id: string;
  messages: { role: string; content?: unknown; tool_calls?: unknown }[];
}

/** The conversations that the issue names; they are not part of the repository. */
export const itWithConversations = existsSync(FILE)
  ? it
  : (title: string, _: unknown, __?: number) => it.skip(`${title} (skipped: ${FILE} is not there)`, () => undefined);

export const readConversations = (): RealConversation[] =>
  readFileSync(FILE, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RealConversation);
