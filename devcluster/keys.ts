/** The devcluster's secrets on the laptop: made once, 0600 in a 0700 folder, kept until `down`. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { Layout } from './layout.ts';
import { newKeyPair } from './openssh-key.ts';

export type Keys = { authorizedKeys: string; hostKey: string; mungeKey: Buffer };

/** Makes what is missing, and writes known_hosts for the port, so that the first contact is no question. */
export async function prepareKeys(layout: Layout, port: number): Promise<Keys> {
  await mkdir(layout.folder, { recursive: true, mode: 0o700 });
  const authorizedKeys = await keyPair(layout.identity, 'hpcbinder-devcluster');
  const hostPublic = await keyPair(layout.hostKey, 'hpcbinder-devcluster-host');
  if (!existsSync(layout.mungeKey)) await writeSecret(layout.mungeKey, randomBytes(1024));
  await writeSecret(layout.knownHosts, `[127.0.0.1]:${port} ${hostPublic.split(' ').slice(0, 2).join(' ')}\n`);
  return {
    authorizedKeys: `${authorizedKeys}\n`,
    hostKey: await readFile(layout.hostKey, 'utf8'),
    mungeKey: await readFile(layout.mungeKey),
  };
}

/** @returns the public half, as a line of authorized_keys */
async function keyPair(path: string, comment: string): Promise<string> {
  if (!existsSync(path)) {
    const pair = newKeyPair(comment);
    await writeSecret(`${path}.pub`, `${pair.publicLine}\n`);
    await writeSecret(path, pair.privateText);
  }
  return (await readFile(`${path}.pub`, 'utf8')).trim();
}

/** Never half there: a run that was interrupted leaves no file that looks complete. */
async function writeSecret(path: string, data: string | Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}`;
  await writeFile(partial, data, { mode: 0o600 });
  await rename(partial, path);
}
