import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A hash of what a migration sends to PostgreSQL, up and down. It stays the same when files move and texts are indented anew.
 * @param migration an instance of its class
 */
export async function hashOf(migration) {
  const sent = [];
  const recorder = {
    query: async (text, values = []) => {
      sent.push([text.trim().replace(/\s+/g, ' '), ...values]);
      return [];
    },
  };
  await migration.up(recorder);
  await migration.down(recorder);
  return createHash('sha256').update(JSON.stringify(sent)).digest('hex');
}

/**
 * The hashes of all migrations of a folder by their names, in their order.
 * @param load gives a file's exports
 */
export async function hashesIn(folder, load) {
  const files = readdirSync(folder).filter((file) => /^\d.*(?<!\.map)$/.test(file));
  const hashes = {};
  for (const file of files.sort()) {
    const Migrations = Object.values(load(join(folder, file))).filter((value) => typeof value === 'function');
    for (const Migration of Migrations) hashes[Migration.name] = await hashOf(new Migration());
  }
  return hashes;
}
