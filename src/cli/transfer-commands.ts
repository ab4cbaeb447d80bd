import { type Command, Option } from 'commander';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { makePrincipal } from '../organizations';
import { answer, explain, organizationOption, withServices } from './context';
import { Progress } from './progress';
import { Problem } from '../common/errors';
import { isPlainId } from '../common/ids';
import {
  EXPORT_FORMATS,
  type ExportFormatName,
  ExportService,
  IMPORT_FORMATS,
  type ImportFormatName,
  ImportRequestsService,
  TransferModule,
} from '../transfer';

interface ExportOptions {
  org: string;
  user?: string;
  out: string;
  format: ExportFormatName;
  sessions?: boolean;
}

interface ImportOptions {
  org: string;
  user: string;
  format?: ImportFormatName;
  sessions?: boolean;
  overwrite?: boolean;
  dryRun?: boolean;
}

/** `export` and `import`: conversations as files, straight from and to the database. */
export function addTransferCommands(root: Command): void {
  root
    .command('export')
    .description('write conversations to a file, oldest first')
    .addOption(organizationOption())
    .option('--user <id>', 'only those of this user; by default all of the organization')
    .requiredOption('--out <file>', 'the file, which is replaced')
    .addOption(new Option('--format <format>', 'its form').choices(EXPORT_FORMATS).default('ndjson'))
    .option('--sessions', 'only active sessions')
    .action((options: ExportOptions) => exportFile(options));
  root
    .command('import <file>')
    .description('import conversations: lines of JSON, or JSON; each as a whole or not at all')
    .addOption(organizationOption())
    .requiredOption('--user <id>', 'whose they become')
    .addOption(new Option('--format <format>', 'the form of every one; by default each tells').choices(IMPORT_FORMATS))
    .option('--sessions', 'make each a session, under its own id')
    .option('--overwrite', 'with --sessions: replace those that are there')
    .option('--dry-run', 'check everything, and store nothing')
    .action((file: string, options: ImportOptions) => importFile(file, options));
}

async function exportFile({ org, user, out, format, sessions }: ExportOptions): Promise<void> {
  checkUser(user);
  await withServices([TransferModule], async (context) => {
    const exports = context.get(ExportService, { strict: false });
    const principal = makePrincipal(org, user ?? 'cli', 'admin');
    const what = { format, user_id: user, sessionsOnly: sessions === true };
    const progress = new Progress(await exports.count(principal, what), 'conversations');
    const onConversation = () => {
      progress.item();
      progress.advance(1);
    };
    // Under another name until it is whole: half an export looks like one.
    const part = `${out}.part`;
    try {
      const { stream } = await exports.all(principal, { ...what, onConversation });
      await pipeline(stream, createWriteStream(part));
      await rename(part, out);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    progress.end();
    explain(`Exported to ${out}.`);
  });
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  const { org, user, format, sessions = false, overwrite, dryRun } = options;
  checkUser(user);
  const { size } = await stat(file);
  await withServices([TransferModule], async (context) => {
    const imports = context.get(ImportRequestsService, { strict: false });
    const progress = new Progress(size, 'conversations');
    const request = {
      format,
      asSession: sessions,
      overwrite: flag(overwrite),
      dry_run: flag(dryRun),
      onConversation: () => progress.item(),
    };
    const result = await imports
      .ofFile(makePrincipal(org, user, 'service'), read(file, progress), request)
      .catch(tellLines)
      .finally(() => progress.end());
    for (const { line, code, detail } of result.errors) explain(`${line}: ${code}: ${detail}`);
    answer(`${result.imported} imported, ${result.failed} failed, ${result.messages} messages`);
    if (result.failed > 0) process.exitCode = 1;
  });
}

const flag = (value: boolean | undefined) => (value ? ('true' as const) : ('false' as const));

async function* read(file: string, progress: Progress): AsyncGenerator<Buffer, void> {
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    progress.advance(chunk.length);
    yield chunk;
  }
}

/** Where nothing could be imported, every line is told on one of its own. */
function tellLines(error: unknown): never {
  if (!(error instanceof Problem) || error.code !== 'IMPORT_FAILED') throw error;
  for (const { field, message } of error.errors ?? []) explain(`${field}: ${message}`);
  throw new Error('Nothing could be imported.');
}

function checkUser(user: string | undefined): void {
  if (user !== undefined && !isPlainId(user))
    throw new Error('--user must have 1 to 255 characters, none of them a control character.');
}
