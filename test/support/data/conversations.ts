import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Real conversations that are not part of the repository. */
export const CONVERSATIONS_FILE = join(__dirname, '../../../../shared/data/airline-conversations.jsonl');

export interface RealConversation {
  id: string;
  messages: { role: string; content?: unknown; tool_calls?: unknown }[];
}

/** Skips the test, and says so, where they are not there. `it` is of the file that runs: this module outlives it. */
export function itWithConversations(title: string, test: () => Promise<void>, timeoutMs?: number): void {
  if (existsSync(CONVERSATIONS_FILE)) it(title, test, timeoutMs);
  else it.skip(`${title} (skipped: ${CONVERSATIONS_FILE} is not there)`, test);
}

export const readConversations = <Conversation extends { id: string } = RealConversation>(): Conversation[] =>
  readFileSync(CONVERSATIONS_FILE, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Conversation);
