/** Which base image a Python version gets: without an engine what the cluster's entry names, else pinned here, else asked of the engine. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseName, type PythonOffer, pythonOffer } from '../buildpacks/index.ts';
import type { BaseImage, Platform } from '../core/artifacts.ts';
import type { ClusterProfile } from '../core/cluster.ts';
import type { Config } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import { resolveBase } from '../images/base.ts';
import { stateDir } from './paths.ts';

export function offerOf(config: Config): PythonOffer {
  return pythonOffer(config.bases ? { bases: config.bases } : {});
}

function stateFile(): string {
  return join(stateDir(), 'bases.json');
}

export function pinnedBases(): BaseImage[] {
  if (!existsSync(stateFile())) return [];
  return Object.values((JSON.parse(readFileSync(stateFile(), 'utf8')) as { bases: Record<string, BaseImage> }).bases);
}

export type BaseHow = {
  config: Config;
  engine: Engine | undefined;
  platform: Platform;
  /** a site's own bases, for builds on the cluster without an engine here */
  profile?: ClusterProfile;
  update?: boolean;
  on?: (line: string) => void;
  signal?: AbortSignal;
};

/** E-PYTHON for a version without a base, E-BASE where it can't be had. */
export async function resolveBaseFor(python: string, how: BaseHow): Promise<BaseImage> {
  const name = baseName(python, offerOf(how.config));
  const site = how.profile?.bases.get(python);
  // what is built there starts from the site's base, so the key must say that one, whatever is pinned here
  if (!how.engine && site?.digest) {
    return { name: site.name ?? name, digest: site.digest, python, ...(site.stand_in ? { standIn: true } : {}) };
  }
  const { config, engine, platform, update, on, signal } = how;
  return resolveBase(engine, name, python, {
    stateFile: stateFile(),
    platform,
    ...(config.apt_mirror ? { aptMirror: config.apt_mirror } : {}),
    ...(update ? { update } : {}),
    ...(on ? { on } : {}),
    ...(signal ? { signal } : {}),
  });
}
