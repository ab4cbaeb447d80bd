import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { type Address, withClient } from './connection';
import { errorCode, removeQuietly, syncFolder } from './files';

/** What a backup holds, as its `manifest.json` says. */
export interface Manifest {
  readonly format: 1;
  readonly made: string;
  /** PostgreSQL's major version: no other one reads the files. */
  readonly postgres: number;
  readonly platform: string;
  /** Of the cluster, also empty ones: PostgreSQL misses them. */
  readonly folders: string[];
  /** By path in the backup. */
  readonly files: Record<string, { readonly bytes: number; readonly sha256: string }>;
}

type Files = Manifest['files'];

export const PLATFORM = `${process.platform}-${process.arch}`;
export const MANIFEST = 'manifest.json';

/** What PostgreSQL makes anew. */
const LEFT_OUT =
  /^(pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/|(^|\/)(postmaster\.(pid|opts)|pg_internal\.init[^/]*|pgsql_tmp[^/]*|backup_label[^/]*)(\/|$)/;
const CONTROL = 'global/pg_control';
const LANES = 8;
const SEGMENT = /^[0-9A-F]{24}$/;

interface Stopped {
  readonly label: string;
  readonly spaces: string;
  /** The write-ahead log that brings the copied files to one moment: its first and last file. */
  readonly first: string;
  readonly last: string;
}

/**
 * Copies the cluster of a running server, which goes on, as PostgreSQL's base backups do: files as they are, and the
 * write-ahead log of the time that it took.
 * @param out a folder that must not exist; until the backup is whole, its name ends with `.part`
 */
export async function backUp(address: Address, out: string): Promise<Manifest> {
  if (existsSync(out)) throw new Error(`${out} exists already: a backup replaces nothing.`);
  const work = `${out}.part`;
  removeQuietly(work);
  mkdirSync(join(work, 'postgres'), { recursive: true, mode: 0o700 });
  try {
    const manifest = await withClient(address, (client) => copyCluster(client, work, address.password));
    writeFileSync(join(work, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`, { mode: 0o600, flush: true });
    renameSync(work, out);
    syncFolder(dirname(out));
    return manifest;
  } catch (error) {
    removeQuietly(work);
    throw error;
  }
}

async function copyCluster(client: Client, out: string, password: string): Promise<Manifest> {
  const { folder, version } = await ask<{ folder: string; version: number }>(
    client,
    `SELECT current_setting('data_directory') AS folder, current_setting('server_version_num')::int AS version`,
  );
  const { folders } = entriesOf(folder);
  for (const path of folders) mkdirSync(join(out, 'postgres', path), { recursive: true, mode: 0o700 });
  const files: Files = {};
  const copy = async (path: string) => {
    const copied = await copyFile(join(folder, path), join(out, 'postgres', path));
    if (copied) files[`postgres/${path}`] = copied;
  };
  // It keeps the write-ahead log that the backup needs, and is gone with this session.
  const slot = `throughline_backup_${process.pid}`;
  await client.query('SELECT pg_create_physical_replication_slot($1, true, true)', [slot]);
  const { start } = await ask<{ start: string }>(client, `SELECT pg_backup_start('throughline', true) AS start`);
  await inLanes(entriesOf(folder).files, copy);
  await copy(CONTROL);
  const { label, spaces, first, last } = await ask<Stopped>(client, STOP, [start]);
  if (spaces) throw new Error('The database has tablespaces, which are not in its folder: use pg_basebackup.');
  const log = readdirSync(join(folder, 'pg_wal')).filter((name) => SEGMENT.test(name) && name >= first && name <= last);
  for (const name of log) await copy(`pg_wal/${name}`);
  files['postgres/backup_label'] = await write(join(out, 'postgres/backup_label'), Readable.from([Buffer.from(label)]));
  files.password = await write(join(out, 'password'), Readable.from([Buffer.from(`${password}\n`)]));
  const postgres = Math.floor(version / 10_000);
  return { format: 1, made: new Date().toISOString(), postgres, platform: PLATFORM, folders, files };
}

const STOP = `
  SELECT labelfile AS label, coalesce(spcmapfile, '') AS spaces, pg_walfile_name($1::pg_lsn) AS first, pg_walfile_name(lsn) AS last
  FROM pg_backup_stop(false)`;

async function ask<T>(client: Client, sql: string, values: unknown[] = []): Promise<T> {
  return (await client.query(sql, values)).rows[0] as T;
}

/** Several files at a time: the wait is for the disk. */
export async function inLanes(paths: string[], work: (path: string) => Promise<void>): Promise<void> {
  const rest = paths.values();
  const lane = async () => {
    for (const path of rest) await work(path);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** All but what is copied apart. */
function entriesOf(folder: string): { folders: string[]; files: string[] } {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = (which: typeof entries) =>
    which
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .filter((path) => !LEFT_OUT.test(path));
  const files = paths(entries.filter((entry) => entry.isFile()));
  return {
    folders: paths(entries.filter((entry) => entry.isDirectory())),
    files: files.filter((path) => !path.startsWith('pg_wal/') && path !== CONTROL),
  };
}

/** @returns undefined when it is gone: PostgreSQL removes files meanwhile, and the log says so */
async function copyFile(from: string, to: string): Promise<Files[string] | undefined> {
  try {
    return await write(to, createReadStream(from));
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && !existsSync(from)) return undefined;
    throw error;
  }
}

/** Writes a file to the disk, for its owner alone. */
export async function write(path: string, content: Readable): Promise<Files[string]> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    content,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o600, flags: 'wx', flush: true }),
  );
  return { bytes, sha256: hash.digest('hex') };
}
