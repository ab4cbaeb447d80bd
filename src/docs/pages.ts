import type { INestApplication } from '@nestjs/common';
import { errorCodes } from '../common/errors';
import { configurationPage, envExample } from './configuration-page';
import { routesPage } from './routes-page';
import { code, GENERATED, linkTo, SourceFiles, table } from './text';

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

const INTRODUCTION = `
# Errors

Every error is \`application/problem+json\` (RFC 9457) with a stable \`code\`, and the \`request_id\` that the log has too. Programs go by the code.
Where the text holds \`…\` the answer has a value. [Conventions](guides/conventions.md) says more about errors.
`;

/** The text of `docs/errors.md`; the feature modules must have been loaded, so that their tables are known. */
function errorsPage(files: SourceFiles): string {
  const rows = [...errorCodes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { status, example }]) => {
      const file = files.having(new RegExp(`^  ${name}: \\[`, 'm'));
      return [code(name), String(status), example, linkTo(file, file.split('/').at(-1))];
    });
  return `${GENERATED}\n\n${INTRODUCTION.trim()}\n\n${table(['code', 'status', 'text', 'defined in'], rows)}\n`;
}
