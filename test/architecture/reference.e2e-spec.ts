import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../src/common/errors';
import { buildOpenApi } from '../../src/http/openapi/openapi';
import { startTestApp, type TestApp } from '../support/world/app';
import { lookUp } from '../support/api/openapi';

describe('The API reference', () => {
  let app: TestApp;
  beforeAll(async () => (app = await startTestApp()));
  afterAll(() => app.close());

  it('X11 openapi.json is what the code says; `npm run openapi` writes it anew', () => {
    const written: unknown = JSON.parse(readFileSync(join(__dirname, '../../openapi.json'), 'utf8'));
    expect(JSON.parse(JSON.stringify(buildOpenApi(app.app)))).toEqual(written);
  });

  it('X11 is small enough to be read by a tool, and whole: each $ref leads to what it names', () => {
    const text = readFileSync(join(__dirname, '../../openapi.json'), 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThan(300_000);
    const document: unknown = JSON.parse(text);
    const references = [...new Set(text.match(/(?<="\$ref":")[^"]+/g))];
    const lost = references.filter((reference) => lookUp(document, reference) === undefined);
    expect(references.length).toBeGreaterThan(100);
    expect(lost).toEqual([]);
  });

  it('lists every error code, and an operationId for every operation', () => {
    const document = buildOpenApi(app.app);
    const errors = document.tags?.at(-1);
    expect(errors?.name).toBe('errors');
    for (const code of errorCodes.keys()) expect(errors?.description).toContain(code);
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path as Record<string, object>));
    const ids = operations.map((operation) => (operation as { operationId?: string }).operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = operations.flatMap((operation) => (operation as { tags: string[] }).tags);
    expect([...new Set(tags)].sort()).toEqual(
      document
        .tags!.slice(0, -1)
        .map(({ name }) => name)
        .sort(),
    );
  });
});
