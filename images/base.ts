/** A base image's tag becomes a digest once, and that is kept: no moved tag rebuilds an environment (DESIGN 4). */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BaseImage, Platform } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { registryDigest } from './registry.ts';
import { makeStandIn } from './stand-in.ts';

export type ResolveBaseHow = {
  /** JSON, made where it is not there: `<state>/bases.json` */
  stateFile: string;
  platform: Platform;
  aptMirror?: string;
  /** asks the registry again */
  update?: boolean;
  /** one line for the user: a pull, a stand-in */
  on?(line: string): void;
  signal?: AbortSignal;
};

type Kept = { schema: 1; bases: Record<string, BaseImage> };

/**
 * The base with its digest; where there is an engine, the engine has it afterwards.
 * Without an engine the registry itself is asked. E-BASE: no registry answers, and no stand-in can be made here.
 */
export async function resolveBase(
  engine: Engine | undefined,
  name: string,
  python: string,
  how: ResolveBaseHow,
): Promise<BaseImage> {
  const slot = `${name} ${how.platform}`;
  const kept = new Map(Object.entries((await readKept(how.stateFile)).bases));
  const known = how.update ? undefined : kept.get(slot);
  if (known !== undefined && (await isThere(engine, known, how))) return known;
  const base = engine === undefined ? await remote(name, python, how) : await fresh(engine, name, python, how);
  kept.set(slot, base);
  await writeKept(how.stateFile, { schema: 1, bases: Object.fromEntries([...kept].sort()) });
  return base;
}

/** For FROM and for `docker save`: how the engine knows this base. */
export function baseReference(base: BaseImage): string {
  return base.standIn ? base.digest : `${base.name}@${base.digest}`;
}

async function isThere(engine: Engine | undefined, base: BaseImage, how: ResolveBaseHow): Promise<boolean> {
  if (engine === undefined) return true;
  if ((await engine.inspect(baseReference(base))) !== undefined) return true;
  if (base.standIn) return false;
  how.on?.(`pulling ${base.name}`);
  return (await engine.pull(baseReference(base), how.platform, how.signal)) !== undefined;
}

async function fresh(engine: Engine, name: string, python: string, how: ResolveBaseHow): Promise<BaseImage> {
  how.on?.(`pulling ${name}`);
  const digest = await engine.pull(name, how.platform, how.signal);
  if (digest !== undefined) return { name, digest, python };
  how.on?.(`no registry answers for ${name}: a Debian root made from Debian's mirror stands in under its name`);
  const id = await makeStandIn(engine, name, python, how);
  return { name, digest: id, python, standIn: true };
}

async function remote(name: string, python: string, how: ResolveBaseHow): Promise<BaseImage> {
  const digest = await registryDigest(name, how.signal ? { signal: how.signal } : {});
  if (digest !== undefined) return { name, digest, python };
  throw new HpcbinderError('E-BASE', {
    message: `the registry of ${name} does not answer, and there is no container engine here that has it`,
    hint: 'Name the base in the cluster\'s entry of the config (bases: "3.13": { archive, name, digest }).',
    transient: true,
  });
}

async function readKept(path: string): Promise<Kept> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return { schema: 1, bases: {} };
  const kept = JSON.parse(text) as Kept;
  if (kept.schema === 1) return kept;
  throw new HpcbinderError('E-CONFIG', {
    message: `${path} was written by a newer hpcbinder`,
    hint: 'Use that version, or remove the file: base images are then looked up again.',
  });
}

async function writeKept(path: string, kept: Kept): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 });
  await rename(beside, path);
}
