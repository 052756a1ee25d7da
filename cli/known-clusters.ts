/**
 * What the last look at each cluster saw, kept here with its age: for the completion of a command line, which must not wait
 * for a network, and for bug reports. Whoever wrote the file: only names of the grammar are read out of it.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../core/cluster.ts';
import { NAME } from '../core/config.ts';
import { stateDir } from './paths.ts';

const MOST_BYTES = 1 << 20;

export type KnownPartition = { name: string; gpus: readonly string[] };

type Kind = 'json' | 'allowance';

function pathOf(name: string, kind: Kind = 'json'): string | undefined {
  // also `user@host:port`, which is in no config
  return /^[A-Za-z0-9_][A-Za-z0-9_.@+:-]{0,127}$/.test(name)
    ? join(stateDir(), 'clusters', `${name}.${kind}`)
    : undefined;
}

/** Of the same look, or of another question. Failing is no fault of the command that asked. */
export function keepText(name: string, kind: Kind, text: string): void {
  const path = pathOf(name, kind);
  if (path === undefined) return;
  try {
    mkdirSync(join(stateDir(), 'clusters'), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    // the disk is full, or the folder is not ours: the command goes on
  }
}

/** The file's own text. */
export function keptText(name: string, kind: Kind): string | undefined {
  const path = pathOf(name, kind);
  if (path === undefined || !existsSync(path) || statSync(path).size > MOST_BYTES) return undefined;
  return readFileSync(path, 'utf8');
}

export function rememberCluster({ profile, scheduler, partitions }: Omit<Cluster, 'transport'>): void {
  const { container, python, platform, host, imageStore, workDir, stateDir: there } = profile;
  const seen = {
    schema: 1,
    at: new Date().toISOString(),
    host,
    scheduler: scheduler.name,
    container,
    python,
    platform,
  };
  const text = JSON.stringify({ ...seen, imageStore, workDir, stateDir: there, partitions }, undefined, 1);
  keepText(profile.name, 'json', `${text}\n`);
}

export function knownText(name: string): string | undefined {
  return keptText(name, 'json');
}

export function knownPartitions(name: string): KnownPartition[] {
  const value = parsed(knownText(name));
  const list = typeof value === 'object' && value !== null && 'partitions' in value ? value.partitions : [];
  if (!Array.isArray(list)) return [];
  return list.flatMap((each: { name?: unknown; gpusPerNode?: unknown } | null) => {
    if (typeof each?.name !== 'string' || !NAME.test(each.name)) return [];
    const types =
      typeof each.gpusPerNode === 'object' && each.gpusPerNode !== null ? Object.keys(each.gpusPerNode) : [];
    return [{ name: each.name, gpus: types.filter((type) => NAME.test(type)) }];
  });
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
