/** What a cluster left on this machine, and what stays for the other clusters. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { size } from '../core/units.ts';
import { cacheDir, configDir, stateDir } from './paths.ts';
import { localRecords } from './world.ts';

/** Copies of the records of that cluster, and their stories; how many there were. */
export function forgetHere(cluster: string): number {
  const local = localRecords();
  const ours = local.all().filter((record) => record.cluster === cluster);
  for (const { id } of ours) local.forget(id);
  return ours.length;
}

/** Folders of this machine that serve all clusters, with their sizes, and how to be rid of them. */
export function leftHere(): string[] {
  const folders = [configDir(), stateDir(), cacheDir()].filter((path) => existsSync(path));
  return [
    'on this machine there are still, for your other clusters:',
    ...folders.map((path) => `          ${path}  ${size(sizeOf(path))}`),
    '          the cache and the engine’s images: hpcbinder images gc --local; the program: npm uninstall --global hpcbinder',
  ];
}

/** Bytes of all files below; links are not followed. */
export function sizeOf(path: string): number {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return 0;
  if (!info.isDirectory()) return info.size;
  let total = 0;
  for (const name of readdirSync(path)) total += sizeOf(join(path, name));
  return total;
}
