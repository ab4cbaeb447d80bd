import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The last migration of before the rule: it rewrites all messages under an exclusive lock. */
const LAST_WITHOUT = 1764288000000;

/**
 * What writes or reads every row of a table while nobody else may use it. A new column is nullable, or has a constant for its
 * default; what old rows lack is made when they are read, or filled in a bounded time (see docs/operations/upgrade.md).
 */
const REFUSED: [name: string, pattern: RegExp][] = [
  ['a generated column', /ADD\s+COLUMN[^,;]*GENERATED\s+ALWAYS/i],
  [
    'a default that differs by row',
    /ADD\s+COLUMN[^,;]*DEFAULT\s+(now\(|clock_timestamp|gen_random_uuid|random|nextval|uuid|\()/i,
  ],
  ['NOT NULL of a column that is there', /ALTER\s+(COLUMN\s+)?\w+\s+SET\s+NOT\s+NULL/i],
  ['another type of a column', /ALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b/i],
  ['a check of all rows', /ADD\s+(CONSTRAINT\s+\w+\s+)?(CHECK|FOREIGN\s+KEY)(?![^;]*NOT\s+VALID)/i],
  [
    'an update of all messages or threads',
    /\bUPDATE\s+(messages|threads|deleted_messages|message_revisions)\b(?!\s*SET\s*NOT)/i,
  ],
];

/** Allowed in these, and why. */
const EXCEPTIONS: Record<string, [name: string, reason: string]> = {
  '1764460900000-sessions-of-notebooks.ts': [
    'an update of all messages or threads',
    'of the sessions that were written to within a day',
  ],
};

/** Statements only: a function or a block that is made here runs later, or is bounded in itself. */
const withoutBodies = (text: string) => text.replace(/\$(\w*)\$[\s\S]*?\$\1\$/g, '');
const refusedIn = (text: string) =>
  REFUSED.filter(([, pattern]) => pattern.test(withoutBodies(text))).map(([name]) => name);

const FOLDER = join(__dirname, '../../src/database/migrations');
const files = readdirSync(FOLDER).filter((file) => Number(/^\d+/.exec(file)?.[0] ?? 0) > LAST_WITHOUT);

async function sentBy(file: string): Promise<string[]> {
  const exported = Object.values(require(join(FOLDER, file)) as object).filter((value) => typeof value === 'function');
  const sent: string[] = [];
  for (const Migration of exported) await new Migration().up({ query: async (text: string) => void sent.push(text) });
  return sent;
}

describe('R11 a migration holds no table for as long as it has rows', () => {
  it.each(files)('%s', async (file) => {
    const statements = await sentBy(file);
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.flatMap(refusedIn)).toEqual(EXCEPTIONS[file]?.slice(0, 1) ?? []);
  });

  it.each([
    [`ALTER TABLE messages ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector(body)) STORED`, 1],
    [`ALTER TABLE messages ADD COLUMN at timestamptz NOT NULL DEFAULT now()`, 1],
    [`ALTER TABLE messages ALTER COLUMN search SET NOT NULL`, 1],
    [`ALTER TABLE threads ALTER COLUMN version TYPE numeric`, 1],
    [`ALTER TABLE threads ADD CONSTRAINT x CHECK (version > 0)`, 1],
    [`UPDATE messages m SET owner_id = 'x'`, 1],
    [`ALTER TABLE messages ADD COLUMN words tsvector, ADD COLUMN kind text NOT NULL DEFAULT 'user'`, 0],
    [`ALTER TABLE threads ADD CONSTRAINT x CHECK (version > 0) NOT VALID`, 0],
    [`CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN UPDATE messages SET name = 'x'; END $$ LANGUAGE plpgsql`, 0],
  ])('the rule knows: %s', (statement, count) => expect(refusedIn(statement)).toHaveLength(count));
});
