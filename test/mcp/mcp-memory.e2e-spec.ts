import { startTestApp, type TestApp } from '../support/world/app';
import type { Client } from '../support/world/client';
import { callTool, connectMcp, ERAS, expectToolError, type McpClient } from '../support/world/mcp';

describe.each(ERAS)('MCP tools of the memory, %s revisions', (era) => {
  let app: TestApp;
  let alice: Client;
  let mcp: McpClient;

  beforeAll(async () => {
    app = await startTestApp();
    alice = await app.as('acme', 'alice');
    mcp = await connectMcp(app.url, alice, era);
  });

  afterAll(async () => {
    await mcp.close();
    await app.close();
  });

  it('saves, gets, lists, finds and deletes what REST saves, gets, lists and deletes', async () => {
    const saved = await callTool(mcp, 'save_memory', { key: 'diet.allergy', value: 'peanuts' });
    expect(saved).toMatchObject({ key: 'diet.allergy', value: 'peanuts', session_id: null, version: 1 });
    expect((await alice.get('/memory/diet.allergy')).body).toEqual(saved);
    expect(await callTool(mcp, 'get_memory', { key: 'diet.allergy' })).toEqual(saved);
    expect(await callTool(mcp, 'save_memory', { key: 'diet.allergy', value: 'nuts' })).toMatchObject({ version: 2 });

    await callTool(mcp, 'save_memory', { key: 'diet.style', value: 'vegan' });
    const first = await callTool(mcp, 'list_memories', { prefix: 'diet.', limit: 1 });
    expect(first).toMatchObject({ data: [{ key: 'diet.allergy', value: 'nuts' }], has_more: true });
    const second = await callTool(mcp, 'list_memories', { prefix: 'diet.', limit: 1, cursor: first.next_cursor });
    expect(second).toMatchObject({ data: [{ key: 'diet.style' }], has_more: false, next_cursor: null });

    const found = await callTool(mcp, 'search_memory', { query: 'vegan', limit: 5 });
    expect(found.data[0]).toMatchObject({ key: 'diet.style', value: 'vegan', score: expect.any(Number) });
    expect(await callTool(mcp, 'search_memory', { query: 'zzzzqqqq' })).toEqual({ data: [] });

    expect(await callTool(mcp, 'delete_memory', { key: 'diet.style' })).toMatchObject({ deleted: true });
    expect((await alice.get('/memory/diet.style')).status).toBe(404);
  });

  it.each([
    ['text', 'Tokyo'],
    ['empty text', ''],
    ['text of a number', '42'],
    ['text of JSON', '{"a": [1, null]}'],
    ['emoji', '日本 👩‍👩‍👧 \u202e'],
    ['integer', 42],
    ['zero', 0],
    ['fraction', 0.1],
    ['true', true],
    ['false', false],
    ['null', null],
    ['empty list', []],
    ['list', [1, 'a', null, [false, {}]]],
    ['empty object', {}],
    ['object', { a: { b: [{ c: null }] }, '': 1, constructor: { name: 'x' }, toString: 'y', 'ü.x': 2 }],
  ])('keeps a value that is %s', async (kind, value) => {
    expect(await callTool(mcp, 'save_memory', { key: `kind ${kind}`, value })).toMatchObject({ version: 1 });
    const answer = await callTool(mcp, 'get_memory', { key: `kind ${kind}` });
    expect(answer.value).toEqual(value);
    expect((await alice.get(`/memory/${encodeURIComponent(`kind ${kind}`)}`)).body.value).toEqual(value);
  });

  it('keeps what is for one session apart, and shows both on demand', async () => {
    await callTool(mcp, 'save_memory', { key: 'scope.a', value: 'user' });
    await callTool(mcp, 'save_memory', { key: 'scope.b', value: 'session', session_id: 's-1', ttl_seconds: 60 });
    await expectToolError(mcp, 'get_memory', { key: 'scope.b' }, 'MEMORY_NOT_FOUND');
    const memory = await callTool(mcp, 'get_memory', { key: 'scope.b', session_id: 's-1' });
    expect(memory).toMatchObject({ value: 'session', session_id: 's-1', expires_at: expect.any(String) });
    const list = { prefix: 'scope.', session_id: 's-1' };
    expect((await callTool(mcp, 'list_memories', list)).data).toHaveLength(1);
    expect((await callTool(mcp, 'list_memories', { ...list, include_user: true })).data).toHaveLength(2);
    expect((await callTool(mcp, 'search_memory', { query: 'session', session_id: 's-1' })).data).toHaveLength(1);
    await callTool(mcp, 'delete_memory', { key: 'scope.b', session_id: 's-1' });
    await expectToolError(mcp, 'delete_memory', { key: 'scope.b', session_id: 's-1' }, 'MEMORY_NOT_FOUND');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['save_memory', {}, 'VALIDATION_FAILED'],
    ['save_memory', { key: 'k' }, 'VALIDATION_FAILED'],
    ['save_memory', { key: '', value: 1 }, 'VALIDATION_FAILED'],
    ['save_memory', { key: 'a\nb', value: 1 }, 'VALIDATION_FAILED'],
    ['save_memory', { key: 'k', value: 1, ttl_seconds: 0 }, 'VALIDATION_FAILED'],
    ['save_memory', { key: 'k', value: 1, user_id: 'bob' }, 'VALIDATION_FAILED'],
    ['save_memory', { key: 'k', value: 'x'.repeat(300_000) }, 'MEMORY_VALUE_TOO_LARGE'],
    ['get_memory', { key: 'nope' }, 'MEMORY_NOT_FOUND'],
    ['get_memory', { key: 7 }, 'VALIDATION_FAILED'],
    ['list_memories', { limit: 0 }, 'VALIDATION_FAILED'],
    ['list_memories', { limit: 1001 }, 'VALIDATION_FAILED'],
    ['list_memories', { cursor: 'nope' }, 'INVALID_CURSOR'],
    ['search_memory', {}, 'VALIDATION_FAILED'],
    ['search_memory', { query: '' }, 'VALIDATION_FAILED'],
    ['delete_memory', { key: 'nope' }, 'MEMORY_NOT_FOUND'],
  ])('%s with %j is the error %s of the tool', async (tool, input, code) => {
    const problem = await expectToolError(mcp, tool, input, code);
    if (code === 'VALIDATION_FAILED')
      expect(problem.errors[0]).toEqual({ field: expect.any(String), message: expect.any(String) });
  });
});
