import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/embedded-postgres/embedded-postgres';
import { migrate } from '../../../src/database/migrate';
import { databaseUrl } from '../world/urls';

declare global {
  var throughlineTestServer: EmbeddedPostgres | undefined;
}

/** One PostgreSQL for the whole run, and in it the migrated template that every test file's database is cloned from. */
export default async function globalSetup(): Promise<void> {
  const outside = process.env.TEST_DATABASE_URL;
  if (!outside) globalThis.throughlineTestServer = await startServer();
  const admin = outside ?? globalThis.throughlineTestServer!.url;
  const prefix = `throughline_test_${randomBytes(4).toString('hex')}_`;
  const template = `${prefix}template`;
  await createDatabase(admin, template);
  const url = databaseUrl(admin, template);
  await migrate({ url, ownerUrl: url });
  Object.assign(process.env, { TEST_ADMIN_URL: admin, TEST_PREFIX: prefix, TEST_TEMPLATE: template });
}

/** Two workers, each with several apps, and real servers beside them: a hundred connections would not do. */
const startServer = () =>
  startEmbeddedPostgres({ dataDir: '', throwAway: true, settings: { max_connections: '300', shared_buffers: '64MB' } });

async function createDatabase(admin: string, name: string): Promise<void> {
  const client = new Client({ connectionString: admin });
  await client.connect();
  try {
    await checkVersion(client);
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
}

async function checkVersion(client: Client): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  if (rows[0].version < 150_000) throw new Error('TEST_DATABASE_URL must be PostgreSQL 15 or later');
}
