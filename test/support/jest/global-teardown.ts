import { Client } from 'pg';

/** Stops the throw-away server; an outside one is left as it was found. */
export default async function globalTeardown(): Promise<void> {
  if (globalThis.throughlineTestServer) return globalThis.throughlineTestServer.stop();
  const client = new Client({ connectionString: process.env.TEST_ADMIN_URL });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [process.env.TEST_PREFIX],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
