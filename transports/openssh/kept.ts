/** The logins that keepers hold on this machine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Login } from './command-line.ts';
import { endMaster, masterAt } from './control.ts';
import { controlDirectory } from './directory.ts';
import { type Keeping, placeOf } from './index.ts';

export type KeptLogin = { label: string; socket: string };

const END_MS = 5_000;

/** All, or the one of this way to log in. */
export async function keptLogins(keeping: Keeping, only?: Login): Promise<KeptLogin[]> {
  const directory = controlDirectory(keeping.directory);
  const sockets = only
    ? [placeOf(only, keeping).keeper]
    : readdirSync(directory)
        .filter((name) => /^hb-[0-9a-f]{16}\.k$/.test(name))
        .map((name) => join(directory, name));
  const kept: KeptLogin[] = [];
  for (const socket of sockets) {
    const keeper = await masterAt(socket);
    if (keeper) kept.push({ label: keeper.about.get('label') ?? socket, socket });
  }
  return kept;
}

/** Returns when it is over: the next command asks again. */
export async function endKept({ socket }: KeptLogin): Promise<void> {
  await endMaster(socket);
  for (const began = Date.now(); Date.now() - began < END_MS && (await masterAt(socket)); ) await sleep(50);
}
