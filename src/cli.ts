#!/usr/bin/env node
import 'reflect-metadata';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ApiKeysService } from './auth/api-keys.service';
import { KeyCreationService } from './auth/key-creation.service';
import { AuthModule } from './auth/auth.module';
import { isOrgId, makePrincipal, type Principal, type Role, ROLES } from './auth/principal';
import { Problem } from './common/errors';
import { type Config, loadConfig, loadEnvFile } from './config/config';
import { ConfigModule } from './config/config.module';
import { DatabaseModule } from './database/database.module';
import { migrate, type MigrationTarget, revert } from './database/migrate';
import { type OpenDatabase, openDatabase } from './database/open-database';

const DAY_MS = 86_400_000;
const PAGE = 1000;

interface CreateOptions {
  org: string;
  role: Role;
  user?: string;
  name: string;
  expiresInDays?: number;
}

@Module({})
class CliModule {}

/** Explanations go to stderr, so that stdout holds the answer alone: `KEY=$(… keys create …)`. */
const explain = (line: string) => process.stderr.write(`${line}\n`);
const answer = (line: string) => process.stdout.write(`${line}\n`);

function program(): Command {
  const root = new Command('throughline').description('Manage a Throughline server.').showHelpAfterError();
  const org = () => new Option('--org <id>', 'organization').argParser(parseOrg).makeOptionMandatory();
  const keys = root.command('keys').description('API keys');
  keys
    .command('create')
    .description('make a key and print it')
    .addOption(org())
    .addOption(new Option('--role <role>', 'what its bearer may do').choices(ROLES).makeOptionMandatory())
    .option('--user <id>', 'whom its bearer acts as: required for member, not for service')
    .option('--name <name>', 'what the key is for', 'made on the command line')
    .option('--expires-in-days <n>', 'days until it is refused; by default never', parseDays)
    .action((options: CreateOptions) => withKeys(KeyCreationService, options, createKey));
  keys
    .command('list')
    .description('list the keys that are not revoked')
    .addOption(org())
    .action((options: { org: string }) => withKeys(ApiKeysService, options, listKeys));
  keys
    .command('revoke <id>')
    .description('revoke a key')
    .addOption(org())
    .action((id: string, options: { org: string }) => withKeys(ApiKeysService, { ...options, id }, revokeKey));
  root
    .command('migrate')
    .description('bring the schema up to date')
    .action(() => withDatabase(runMigrations));
  root
    .command('migrate:revert')
    .description('undo the newest migration')
    .action(() => withDatabase(revertMigration));
  return root;
}

function parseOrg(value: string): string {
  if (isOrgId(value)) return value;
  throw new InvalidArgumentError('It must be 1 to 64 of A-Z a-z 0-9 _ - . : @.');
}

function parseDays(value: string): number {
  const days = Number(value);
  if (value.trim() !== '' && days > 0 && days <= 36_500) return days;
  throw new InvalidArgumentError('It must be a number above 0, at most 36500.');
}

async function createKey(keys: KeyCreationService, admin: Principal, options: CreateOptions): Promise<void> {
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

type KeysWork<S, O> = (keys: S, admin: Principal, options: O) => Promise<void>;

/** Runs work on the keys of one organization, as one of its admins, on a schema that is up to date. */
function withKeys<S, O extends { org: string }>(service: Type<S>, options: O, work: KeysWork<S, O>): Promise<void> {
  return withDatabase(async (database, config) => {
    await migrate(database);
    const imports = [ConfigModule.for(config), DatabaseModule.for(database.url), AuthModule];
    const context = await NestFactory.createApplicationContext(
      { module: CliModule, imports },
      { logger: false, abortOnError: false },
    );
    try {
      await work(context.get(service, { strict: false }), makePrincipal(options.org, 'cli', 'admin'), options);
    } finally {
      await context.close();
    }
  });
}

async function withDatabase(work: (database: OpenDatabase, config: Config) => Promise<void>): Promise<void> {
  loadEnvFile();
  const config = loadConfig();
  if (config.database.kind === 'memory') {
    throw new Error(
      'A database in memory belongs to one server process, so that there is nothing to manage from here.',
    );
  }
  const database = await openDatabase(config, () => undefined);
  try {
    await work(database, config);
  } finally {
    await database.leave();
  }
}

/** One line, whatever went wrong. */
function describe(error: unknown): string {
  const reasons = error instanceof Problem ? error.errors?.map(({ message }) => message) : undefined;
  const text = reasons?.join('; ') ?? (error instanceof Error ? error.message : String(error));
  return text.replace(/\s+/g, ' ');
}

program()
  .parseAsync()
  .catch((error: unknown) => {
    explain(describe(error));
    process.exitCode = 1;
  });
