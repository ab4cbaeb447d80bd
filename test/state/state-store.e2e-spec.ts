import { Pool } from 'pg';
import { Agent } from 'undici';
import { Client, expectProblem } from '../support/world/client';
import { makeKey } from '../support/world/keys';
import { PostgresProcess } from '../support/servers/postgres-process';
import { startServer } from '../support/servers/server-process';

/** States of a server whose database goes away, or which is itself stopped. */
describe('The store of states', () => {
  it('C33 G29 U22f says 503 while the database is away, never 404; a state outlives the fall of both, and a shutdown is clean', async () => {
    const postgres = await PostgresProcess.create();
    const agent = new Agent();
    let server = await startServer({ DATABASE_URL: postgres.url });
    try {
      const pool = new Pool({ connectionString: postgres.url });
      const authorization = await makeKey(pool, 'acme', 'alice', 'member');
      await pool.end();
      let alice = new Client(server.url, agent, { authorization });
      const history = [{ role: 'user', content: 'Hi' }];
      expect((await alice.put('/sessions/s/state', { history, metadata: { custom_flag: true } })).status).toBe(201);
      await postgres.kill();
      const body = { query: 'Hi', context: { notebook_id: 'nb', session_id: 's' } };
      const answers = await Promise.all([
        ...['s', 'unknown'].map((id) => alice.get(`/sessions/${id}/state`)),
        ...['s', 'unknown'].map((id) => alice.get(`/sessions/${id}/context`)),
        alice.put('/sessions/s/state', { history: [] }),
        alice.delete('/sessions/s/state'),
        alice.delete('/sessions/unknown/state'),
        alice.post('/agent/quick', body),
        alice.post('/agent/quick', body, { accept: 'text/event-stream' }),
      ]);
      for (const answer of answers) {
        expectProblem(answer, 503, 'STORE_UNAVAILABLE');
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      }
      await server.kill();
      await postgres.start();
      server = await startServer({ DATABASE_URL: postgres.url });
      alice = alice.at(server.url);
      const state = (await alice.get('/sessions/s/state')).body;
      expect(state).toMatchObject({ history, metadata: { custom_flag: true } });
      expect((await alice.post('/agent/quick', body)).status).toBe(200);
      expect(await server.stop()).toBe(0);
    } finally {
      await server.kill();
      await agent.destroy();
      await postgres.remove();
    }
  });

  it('P01 G19 U23e the throw-away store forgets everything when the server ends', async () => {
    const agent = new Agent();
    const turn = async (env: Record<string, string>) => {
      const server = await startServer(env);
      try {
        const anyone = new Client(server.url, agent);
        const before = await anyone.get('/sessions/s/state');
        const { status } = await anyone.put('/sessions/s/state', { history: [{ role: 'user', content: 'Hi' }] });
        return [before.status, status, await server.stop()];
      } finally {
        await server.kill();
      }
    };
    expect(await turn({ DB_BACKEND: 'memory' })).toEqual([404, 201, 0]);
    expect(await turn({ CONVERSATION_STATE_PROVIDER: 'in_memory_convo_provider' })).toEqual([404, 201, 0]);
    await agent.destroy();
  });
});
