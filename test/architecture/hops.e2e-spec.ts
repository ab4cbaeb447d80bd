import { Session } from 'node:inspector/promises';
import { startTestApp, type TestApp } from '../support/world/app';
import { readSources } from '../support/house/sources';

/** How far a request goes through `messages/`: what V8 counts as called while it is answered. */
describe('Hops of a request', () => {
  let app: TestApp;
  const profiler = new Session();

  beforeAll(async () => {
    app = await startTestApp();
    profiler.connect();
    await profiler.post('Profiler.enable');
  });
  afterAll(async () => {
    await profiler.post('Profiler.disable');
    profiler.disconnect();
    await app.close();
  });

  const sources = readSources().filter(({ folder }) => folder === 'messages');
  const isClass = (path: string) => /^@(Injectable|Controller)\(/m.test(sources.find((one) => one.path === path)!.text);

  /** The files of `messages/` that a request runs through, the first one of its kind aside. */
  async function filesOf(request: () => Promise<{ status: number }>): Promise<string[]> {
    expect((await request()).status).toBeLessThan(300);
    await profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    expect((await request()).status).toBeLessThan(300);
    const { result } = await profiler.post('Profiler.takePreciseCoverage');
    await profiler.post('Profiler.stopPreciseCoverage');
    const called = result.filter(({ functions }) => functions.some(({ ranges }) => ranges[0].count > 0));
    return sources.map(({ path }) => path).filter((path) => called.some(({ url }) => url.endsWith(`/src/${path}`)));
  }

  it('an append passes through at most 4 classes and 8 files of messages/', async () => {
    const alice = await app.as('acme', 'alice');
    const { id } = await alice.createThread('Tokyo');
    const message = { role: 'user', content: 'Find me a hotel.' };
    const files = await filesOf(() => alice.post(`/threads/${id}/messages`, message));
    expect(files.filter(isClass).length).toBeGreaterThan(1);
    expect(files.filter(isClass).length).toBeLessThanOrEqual(4);
    expect(files.length).toBeLessThanOrEqual(8);
  });

  it('a page of messages passes through at most 3 classes', async () => {
    const alice = await app.as('acme', 'alice');
    const { id } = await alice.createThread('Tokyo');
    await alice.addMessage(id, 'Hello');
    const files = await filesOf(() => alice.get(`/threads/${id}/messages`));
    expect(files.filter(isClass).length).toBeGreaterThan(1);
    expect(files.filter(isClass).length).toBeLessThanOrEqual(3);
  });
});
