/** `images ls --local` and `images gc --local`: what builds left on this machine: SIFs, checkouts, images in the engine. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { duration, size } from '../core/units.ts';
import { ago } from '../sessions/words.ts';
import { loadConfig } from './config-file.ts';
import type { Flags } from './flags.ts';
import { limitsOf, summed } from './images-words.ts';
import { cacheDir } from './paths.ts';
import { confirm, plain, table } from './terminal.ts';
import { sizeOf } from './uninstall-here.ts';

type Local = {
  kind: 'sif' | 'checkout' | 'engine image';
  name: string;
  bytes: number;
  usedAt: Date;
  remove(): Promise<void>;
};

/** Whoever writes them now is spared. */
const GRACE_MS = 3_600_000;

async function found(): Promise<Local[]> {
  return [...inFolder('sifs', 'sif'), ...inFolder('checkouts', 'checkout'), ...(await inEngine())];
}

function inFolder(folder: string, kind: 'sif' | 'checkout'): Local[] {
  const root = join(cacheDir(), folder);
  if (!existsSync(root)) return [];
  return readdirSync(root).map((name) => {
    const path = join(root, name);
    const remove = async () => rmSync(path, { recursive: true, force: true });
    return { kind, name, bytes: sizeOf(path), usedAt: statSync(path).mtime, remove };
  });
}

/** An engine that is not there has none. */
async function inEngine(): Promise<Local[]> {
  const { findEngine } = await import('../images/find.ts');
  const { engine: socket } = loadConfig();
  const engine: Engine | undefined = await findEngine(socket ? { socket } : {}).catch((error: unknown) => {
    if (error instanceof HpcbinderError) return undefined;
    throw error;
  });
  const images = (await engine?.built()) ?? [];
  return images.map(({ tag, created, bytes }) => ({
    kind: 'engine image',
    name: tag,
    bytes,
    usedAt: created,
    remove: async () => await engine?.untag(tag),
  }));
}

export async function listLocal(flags: Flags): Promise<number> {
  const all = await found();
  if (flags.json) {
    process.stdout.write(
      `${JSON.stringify(all.map(({ kind, name, bytes, usedAt }) => ({ kind, name, bytes, usedAt })))}\n`,
    );
    return 0;
  }
  const rows = all.map(({ kind, name, bytes, usedAt }) => [kind, name, size(bytes), ago(usedAt, new Date())]);
  if (rows.length > 0) process.stdout.write(`${table(['WHAT', 'NAME', 'SIZE', 'USED'], rows)}\n`);
  process.stderr.write(plain(`${summed(all)} on this machine\n`));
  return 0;
}

/** By age alone; layers that images share make sizes in an engine a guess. */
export async function gcLocal(flags: Flags): Promise<number> {
  const { maxAgeSeconds } = limitsOf(flags, loadConfig(), undefined);
  const oldest = Date.now() - Math.max(GRACE_MS, maxAgeSeconds * 1000);
  const all = await found();
  const going = all.filter(({ usedAt }) => usedAt.getTime() < oldest);
  const shown = (one: Local) => ({ kind: one.kind, name: one.name, bytes: one.bytes, goes: going.includes(one) });
  if (!flags.json && going.length > 0) {
    const rows = going.map(({ kind, name, bytes, usedAt }) => [kind, name, size(bytes), ago(usedAt, new Date())]);
    process.stdout.write(`${table(['WHAT', 'NAME', 'SIZE', 'USED'], rows)}\n`);
  }
  if (!flags.dryRun && going.length > 0) {
    await confirm(`Remove ${summed(going)} on this machine?`, { yes: flags.yes === true, flag: '--yes' });
    for (const one of going) await one.remove();
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ plan: all.map(shown), done: !flags.dryRun })}\n`);
  else {
    const verb = flags.dryRun ? 'would go; nothing was done' : 'removed';
    process.stderr.write(
      plain(`${summed(going)} ${verb}; the limit is ${duration(maxAgeSeconds)} without use (--max-age)\n`),
    );
  }
  return 0;
}
