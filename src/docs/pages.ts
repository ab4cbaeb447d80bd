import type { INestApplication } from '@nestjs/common';
import { configurationPage, envExample } from './configuration-page';
import { errorsPage } from './errors-page';
import { routesPage } from './routes-page';
import { SourceFiles } from './text';

/**
 * Every generated document: its path in the repository, and its text.
 * @param app may be a preview
 * @param root the repository's folder
 */
export function generatedPages(app: INestApplication, root: string): Record<string, string> {
  const files = new SourceFiles(root);
  return {
    '.env.example': envExample(),
    'docs/configuration.md': configurationPage(),
    'docs/errors.md': errorsPage(files),
    'docs/routes.md': routesPage(app, files),
  };
}
