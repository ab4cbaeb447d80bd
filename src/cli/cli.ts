#!/usr/bin/env node
import 'reflect-metadata';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ApiKeysService, AuthModule } from '../auth';
import { makePrincipal, type Principal, type Role, ROLES } from '../organizations';
import { answer, describe, explain, organizationOption, withDatabase, withServices } from './context';
import { addBackupCommands } from './backup-commands';
import { addTransferCommands } from './transfer-commands';
import { migrate, type MigrationTarget, revert } from '../database/migrate';

const DAY_MS = 86_400_000;
const PAGE = 1000;

interface CreateOptions {
  org: string;
  role: Role;
  user?: string;
  name: string;
  expiresInDays?: number;
}

function program(): Command {
  const root = new Command('throughline').description('Manage a Throughline server.').showHelpAfterError();
  const keys = root.command('keys').description('API keys');
  keys
    .command('create')
    .description('make a key and print it')
    .addOption(organizationOption())
    .addOption(new Option('--role <role>', 'what its bearer may do').choices(ROLES).makeOptionMandatory())
    .option('--user <id>', 'whom its bearer acts as: required for member, not for service')
    .option('--name <name>', 'what the key is for', 'made on the command line')
    .option('--expires-in-days <n>', 'days until it is refused; by default never', parseDays)
    .action((options: CreateOptions) => withKeys(options, createKey));
  keys
    .command('list')
    .description('list the keys that are not revoked')
    .addOption(organizationOption())
    .action((options: { org: string }) => withKeys(options, listKeys));
  keys
    .command('revoke <id>')
    .description('revoke a key')
    .addOption(organizationOption())
    .action((id: string, options: { org: string }) => withKeys({ ...options, id }, revokeKey));
  root
    .command('migrate')
    .description('bring the schema up to date')
    .action(() => withDatabase(runMigrations));
  root
    .command('migrate:revert')
    .description('undo the newest migration')
    .action(() => withDatabase(revertMigration));
  addTransferCommands(root);
  addBackupCommands(root);
  return root;
}

function parseDays(value: string): number {
  const days = Number(value);
  if (value.trim() !== '' && days > 0 && days <= 36_500) return days;
  throw new InvalidArgumentError('It must be a number above 0, at most 36500.');
}

async function createKey(keys: ApiKeysService, admin: Principal, options: CreateOptions): Promise<void> {
  const { role, user: user_id, name, expiresInDays } = options;
  const expires_at = expiresInDays === undefined ? null : Date.now() + Math.round(expiresInDays * DAY_MS);
  const created = await keys.create(admin, { name, role, user_id, expires_at });
  const whom = created.user_id === null ? 'any user, named in X-User-Id' : created.user_id;
  explain(`Key ${created.id} of ${admin.orgId}, role ${role}, acts as ${whom}. It is shown this once:`);
  if (created.key) answer(created.key);
}

async function listKeys(keys: ApiKeysService, admin: Principal): Promise<void> {
  let after: string | undefined;
  do {
    const page = await keys.list(admin, { limit: PAGE, after });
    for (const { id, role, user_id, expires_at, last_used_at, name } of page.data) {
      answer([id, role, user_id ?? '-', expires_at ?? 'never', last_used_at ?? 'unused', name].join('\t'));
    }
    after = page.next_cursor ?? undefined;
  } while (after);
  explain('Columns: id, role, user, expires, last used, name.');
}

async function revokeKey(keys: ApiKeysService, admin: Principal, { id }: { id: string }): Promise<void> {
  await keys.revoke(admin, id);
  explain(`Key ${id} is revoked; running servers refuse it within a second.`);
}

async function runMigrations(target: MigrationTarget): Promise<void> {
  const names = await migrate(target);
  explain(names.length > 0 ? `Ran ${names.join(', ')}.` : 'The schema is up to date.');
}

async function revertMigration(target: MigrationTarget): Promise<void> {
  await revert(target);
  explain('The newest migration is undone.');
}

type KeysWork<O> = (keys: ApiKeysService, admin: Principal, options: O) => Promise<void>;

/** Runs work on the keys of one organization, as one of its admins. */
function withKeys<O extends { org: string }>(options: O, work: KeysWork<O>): Promise<void> {
  return withServices([AuthModule], (context) =>
    work(context.get(ApiKeysService, { strict: false }), makePrincipal(options.org, 'cli', 'admin'), options),
  );
}

program()
  .parseAsync()
  .catch((error: unknown) => {
    explain(describe(error));
    process.exitCode = 1;
  });
