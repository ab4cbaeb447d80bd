import { errorCodes } from '../common/errors';
import { code, GENERATED, linkTo, type SourceFiles, table } from './text';

const INTRODUCTION = `
# Errors

Every error is \`application/problem+json\` (RFC 9457) with a stable \`code\`, and the \`request_id\` that the log has too. Programs go by the code.
Where the text holds \`…\` the answer has a value. [Conventions](guides/conventions.md) says more about errors.
`;

/** The text of `docs/errors.md`; the feature modules must have been loaded, so that their tables are known. */
export function errorsPage(files: SourceFiles): string {
  const rows = [...errorCodes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { status, example }]) => {
      const file = files.having(new RegExp(`^  ${name}: \\[`, 'm'));
      return [code(name), String(status), example, linkTo(file, file.split('/').at(-1))];
    });
  return `${GENERATED}\n\n${INTRODUCTION.trim()}\n\n${table(['code', 'status', 'text', 'defined in'], rows)}\n`;
}
