import { world } from '../support/world';
import { expectProblem, type Response } from '../support/world/client';
import { type Operation, readOperations } from '../support/api/openapi';
import { bodyOf, fillPath } from '../support/api/resources';

describe('Query parameters', () => {
  const { app, alice, admin, thread } = world();
  let operations: Operation[];
  beforeAll(async () => {
    operations = await readOperations(app.anonymous());
  });

  const ask = (operation: Operation, query: string): Promise<Response> => {
    const path = fillPath(operation.path, '0190a5c0-0000-7000-8000-000000000000');
    const body = operation.method === 'GET' ? undefined : bodyOf(operation);
    return admin.send(operation.method, `/${path}?${query}`, { body });
  };

  const fieldsOf = ({ body }: Response): string[] => (body?.errors ?? []).map(({ field }: { field: string }) => field);

  it('that an operation does not know are 400 on every operation, and name themselves', async () => {
    expect(operations.length).toBeGreaterThan(100);
    const swallowed: string[] = [];
    for (const operation of operations) {
      const answer = await ask(operation, 'turns_=3');
      const refused = answer.status === 400 && answer.body.code === 'VALIDATION_FAILED';
      if (!refused || !fieldsOf(answer).includes('turns_')) swallowed.push(`${operation.method} ${operation.path}`);
    }
    expect(swallowed).toEqual([]);
  });

  it('that stand in the reference are known', async () => {
    const unknown: string[] = [];
    for (const operation of operations) {
      for (const { name } of operation.query) {
        const { body } = await ask(operation, `${name}=`);
        const isUnknown = (body?.errors ?? []).some(({ message }: { message: string }) =>
          /not known here/.test(message),
        );
        if (isUnknown) unknown.push(`${operation.method} ${operation.path} ${name}`);
      }
    }
    expect(unknown).toEqual([]);
  });

  it('of lists may skip more than there is: that is an empty page', async () => {
    const lists = operations.filter(
      ({ method, query, pathParams }) =>
        method === 'GET' && pathParams.length === 0 && query.some(({ name }) => name === 'offset'),
    );
    expect(lists.length).toBeGreaterThan(3);
    // Some lists are of the current thread.
    await admin.createThread();
    for (const { path } of lists) {
      const needed = path.endsWith('/search') ? '&q=tokyo' : '';
      // The map of memories has no `data`.
      const { status, body } = await admin.get(`/${path}?offset=2147483647&limit=1000${needed}`);
      expect([path, status, body.data ?? [], body.has_more]).toEqual([path, 200, [], false]);
    }
  });

  it('of ranges may be dates, which are midnights in UTC', async () => {
    const id = await thread('Kyoto', 'Hello');
    const today = new Date().toISOString().slice(0, 10);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const count = async (query: string) => (await alice.get(`/threads/${id}/messages?${query}`)).body.data.length;
    expect([await count(`from=${today}`), await count(`to=${today}`), await count(`from=${tomorrow}`)]).toEqual([
      1, 0, 0,
    ]);
    const threads = await alice.get(`/threads?created_from=${today}&created_to=${tomorrow}`);
    expect(threads.body.data.map(({ id: found }: { id: string }) => found)).toContain(id);
    expectProblem(await alice.get('/threads?created_from=2026-02-30'), 400, 'VALIDATION_FAILED');
  });

  it('leave things as they are where a body was meant', async () => {
    const id = await thread('Tokyo', 'one', 'two', 'three', 'four');
    expectProblem(await alice.send('POST', `/threads/${id}/undo?turns=3`), 400, 'VALIDATION_FAILED');
    expectProblem(await alice.send('POST', `/threads/${id}/summarize?mode=replace`), 400, 'VALIDATION_FAILED');
    expectProblem(await admin.get('/admin/stats?user_id=alice'), 400, 'VALIDATION_FAILED');
    expect(await alice.all(`/threads/${id}/messages`)).toHaveLength(4);
  });
});
