import { createHash } from 'node:crypto';

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

/** The hashes of migration classes by their names, in their order. */
export async function hashesOf(classes) {
  const hashes = {};
  for (const Migration of classes) hashes[Migration.name] = await hashOf(new Migration());
  return hashes;
}
