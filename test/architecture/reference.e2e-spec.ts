import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../src/common/errors';
import { buildOpenApi } from '../../src/http/openapi/openapi';
import { startTestApp, type TestApp } from '../support/app';

describe('The API reference', () => {
  let app: TestApp;
  beforeAll(async () => (app = await startTestApp()));
  afterAll(() => app.close());

  it('X11 openapi.json is what the code says; `npm run openapi` writes it anew', () => {
    const written: unknown = JSON.parse(readFileSync(join(__dirname, '../../openapi.json'), 'utf8'));
    expect(JSON.parse(JSON.stringify(buildOpenApi(app.app)))).toEqual(written);
  });

  it('lists every error code, and an operationId for every operation', () => {
    const document = buildOpenApi(app.app);
    for (const code of errorCodes.keys()) expect(document.info.description).toContain(code);
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path as Record<string, object>));
    const ids = operations.map((operation) => (operation as { operationId?: string }).operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
