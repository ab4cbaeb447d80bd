import type { Command } from 'commander';
import { resolve } from 'node:path';
import { type Config, loadConfig, loadEnvFile } from '../config/config';
import { backUp } from '../embedded-postgres/backup';
import { restore } from '../embedded-postgres/restore';
import { explain, withDatabase } from './context';

interface BackupOptions {
  out: string;
}

/** `backup` and `restore`: the embedded database as files. A server of the operator's has programs of its own for that. */
export function addBackupCommands(root: Command): void {
  root
    .command('backup')
    .description('copy the embedded database to a folder, while the server runs or not')
    .requiredOption('--out <folder>', 'the folder, which must not exist')
    .action(({ out }: BackupOptions) => backupEmbedded(resolve(out)));
  root
    .command('restore <folder>')
    .description('make DATA_DIR, which must not hold a database, of a backup')
    .action((folder: string) => restoreEmbedded(resolve(folder)));
}

async function backupEmbedded(out: string): Promise<void> {
  await withDatabase(async ({ url }, config) => {
    assertEmbedded(config);
    const { port, password } = new URL(url);
    const { files } = await backUp({ port: Number(port), password: decodeURIComponent(password) }, out);
    const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
    explain(`${Object.keys(files).length} files, ${Math.ceil(bytes / 1e6)} MB in ${out}. They hold the password too.`);
  });
}

async function restoreEmbedded(folder: string): Promise<void> {
  loadEnvFile();
  const config = loadConfig();
  const { made, files } = await restore(folder, assertEmbedded(config), explain);
  explain(`Restored ${Object.keys(files).length} files as of ${made}. The next start recovers them.`);
}

/** @returns its folder */
function assertEmbedded({ database }: Config): string {
  if (database.kind === 'embedded') return database.folder;
  throw new Error('Only the embedded database: yours is backed up with pg_dump, as docs/operations/backup.md says.');
}
