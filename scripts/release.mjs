#!/usr/bin/env node
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { mayFollow, releaseChangelog, withVersion } from './changelog.mjs';
import { hashesIn } from './migrations.mjs';

/** `npm run release -- 0.2.0 [--dry-run]`, from the repository's folder; docs/release.md says what it does. */
const { values, positionals } = parseArgs({ options: { 'dry-run': { type: 'boolean' } }, allowPositionals: true });
const dryRun = values['dry-run'] ?? false;
const [version] = positionals;

const RELEASED = 'scripts/released-migrations.json';
const read = (path) => readFileSync(path, 'utf8');
const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const say = (text) => console.log(text);

function run(program, ...args) {
  say(`${dryRun ? 'would run' : 'runs'} ${[program, ...args].join(' ')}`);
  if (!dryRun) execFileSync(program, args, { stdio: 'inherit' });
}

function write(path, text) {
  say(`${dryRun ? 'would write' : 'writes'} ${path}`);
  if (!dryRun) writeFileSync(path, text);
}

/** @throws saying why this version cannot be released from here */
function check() {
  if (!version) throw new Error('Name the version: npm run release -- 0.2.0');
  const { version: current } = JSON.parse(read('package.json'));
  if (git('tag', '--list', `v${version}`)) throw new Error(`There is a tag v${version} already`);
  if (!mayFollow(version, current, git('tag', '--list', `v${current}`) !== ''))
    throw new Error(`${version} cannot follow ${current}`);
  if (git('status', '--porcelain')) throw new Error('There are changes that are not committed');
}

/** The built migrations, so that what is hashed is what runs. */
async function writeMigrationHashes() {
  const hashes = await hashesIn(resolve('dist/src/database/migrations'), createRequire(import.meta.url));
  write(RELEASED, `${JSON.stringify({ ...hashes, ...JSON.parse(read(RELEASED)) }, null, 2)}\n`);
}

async function release() {
  check();
  const changelog = releaseChangelog(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10));
  run('npm', 'run', 'check');
  for (const path of ['package.json', 'package-lock.json']) write(path, withVersion(read(path), version));
  write('CHANGELOG.md', changelog);
  run('npm', 'run', 'docs');
  if (!dryRun) await writeMigrationHashes();
  run('git', 'commit', '--all', '--message', `chore(release): ${version}`);
  run('git', 'tag', '--annotate', `v${version}`, '--message', `Throughline ${version}`);
  say(dryRun ? 'Nothing was changed.' : `Released ${version}. Look at it, then: git push --follow-tags`);
}

release().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
