import { chownSync, createReadStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { type Account } from './account';
import { inLanes, MANIFEST, type Manifest, PLATFORM, write } from './backup';
import { packagedMajor } from './binaries';
import { placeCluster } from './data-cluster';
import { newDataFolder } from './data-folder';

/**
 * Makes a data folder of a backup. Nothing is written before every file of the backup is found to be as it was.
 * @param dataDir must not hold a database
 */
export async function restore(backup: string, dataDir: string, log: (message: string) => void): Promise<Manifest> {
  const manifest = readManifest(backup);
  await verify(backup, manifest);
  const folder = newDataFolder(dataDir, readFileSync(join(backup, 'password'), 'utf8').trim());
  await placeCluster(folder, { log, fill: (cluster, account) => copy(backup, manifest, cluster, account) });
  folder.keepPassword();
  return manifest;
}

function readManifest(backup: string): Manifest {
  const file = join(backup, MANIFEST);
  if (!existsSync(file)) throw new Error(`${backup} is no backup: it has no ${MANIFEST}.`);
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  if (manifest.format !== 1) throw new Error(`${backup} was made by a later version of Throughline.`);
  const [made, here] = [`PostgreSQL ${manifest.postgres} on ${manifest.platform}`, `${packagedMajor()} on ${PLATFORM}`];
  if (made === `PostgreSQL ${here}`) return manifest;
  throw new Error(
    `The backup is of ${made}, whose files PostgreSQL ${here} does not read: see docs/operations/upgrade.md.`,
  );
}

async function verify(backup: string, { files }: Manifest): Promise<void> {
  for (const [path, { sha256 }] of Object.entries(files)) {
    const file = join(backup, path);
    const hash = createHash('sha256');
    if (existsSync(file)) for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
    if (hash.digest('hex') !== sha256) throw new Error(`The backup is damaged: ${file} is missing or changed.`);
  }
}

async function copy(backup: string, manifest: Manifest, cluster: string, account: Account | undefined): Promise<void> {
  const give = (path: string) => account && chownSync(path, account.uid, account.gid);
  const folders = ['', ...manifest.folders].map((path) => join(cluster, path));
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    give(folder);
  }
  const paths = Object.keys(manifest.files).filter((path) => path.startsWith('postgres/'));
  await inLanes(paths, async (path) => {
    const target = join(cluster, path.slice('postgres/'.length));
    await write(target, createReadStream(join(backup, path)));
    give(target);
  });
}
