import { type INestApplicationContext, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InvalidArgumentError, Option } from 'commander';
import { isOrgId } from '../organizations';
import { Problem } from '../common/errors';
import { type Config, loadConfig, loadEnvFile } from '../config/config';
import { ConfigModule } from '../config/config.module';
import { DatabaseModule } from '../database/database.module';
import { migrate } from '../database/migrate';
import { type OpenDatabase, openDatabase } from '../database/open-database';
import { inspectDatabase } from '../database/server-facts';

@Module({})
class CliModule {}

/** Explanations go to stderr, so that stdout holds the answer alone: `KEY=$(… keys create …)`. */
export const explain = (line: string) => process.stderr.write(`${line}\n`);
export const answer = (line: string) => process.stdout.write(`${line}\n`);

/** The organization that a command is about; none is the default. */
export const organizationOption = () =>
  new Option('--org <id>', 'organization').argParser(parseOrg).makeOptionMandatory();

function parseOrg(value: string): string {
  if (isOrgId(value)) return value;
  throw new InvalidArgumentError('It must be 1 to 64 of A-Z a-z 0-9 _ - . : @.');
}

/** Runs work with the services of some modules, on a schema that is up to date. */
export function withServices(
  modules: ModuleMetadata['imports'] & object,
  work: (context: INestApplicationContext) => Promise<void>,
): Promise<void> {
  return withDatabase(async (database, config) => {
    await migrate(database);
    const { prepared } = await inspectDatabase(config, database.url);
    const imports = [ConfigModule.for(config), DatabaseModule.for(database.url, prepared), ...modules];
    const context = await NestFactory.createApplicationContext(
      { module: CliModule, imports },
      { logger: false, abortOnError: false },
    );
    try {
      await work(context);
    } finally {
      await context.close();
    }
  });
}

export async function withDatabase(work: (database: OpenDatabase, config: Config) => Promise<void>): Promise<void> {
  loadEnvFile();
  const config = loadConfig();
  if (config.database.kind === 'memory') {
    throw new Error(
      'A database in memory belongs to one server process, so that there is nothing to manage from here.',
    );
  }
  const database = await openDatabase(config);
  try {
    await work(database, config);
  } finally {
    await database.stop();
  }
}

/** One line, whatever went wrong. */
export function describe(error: unknown): string {
  const reasons = error instanceof Problem ? error.errors?.map(({ message }) => message) : undefined;
  const text = reasons?.join('; ') ?? (error instanceof Error ? error.message : String(error));
  return text.replace(/\s+/g, ' ');
}
