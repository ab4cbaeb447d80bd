import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { Client } from '../support/world/client';
import { emptyDatabase } from '../support/world/database';
import { makeKey } from '../support/world/keys';
import { startServer } from '../support/servers/server-process';

describe('A .env file', () => {
  it('F55 S42 adds to the environment, which wins; the tables of an empty database are made', async () => {
    const [database, folder, agent] = [await emptyDatabase(), await mkdtemp(join(tmpdir(), 'env-')), new Agent()];
    try {
      await writeFile(join(folder, '.env'), 'DB_POOL_SIZE=7\nDB_MAX_OVERFLOW=8\n');
      const server = await startServer({ DATABASE_URL: database.url, DB_MAX_OVERFLOW: '2' }, folder);
      const authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
      const { body } = await new Client(server.url, agent, { authorization }).get('/admin/config');
      expect(body).toMatchObject({ DB_POOL_SIZE: 7, DB_MAX_OVERFLOW: 2 });
      await server.stop();
    } finally {
      await agent.destroy();
      await database.drop();
      await rm(folder, { recursive: true });
    }
  });
});
