/** What would fail after an hour in the queue fails here: room, the container command's version, a given image, GPU libraries. All but `preflightOf` is pure. */
import { readFileSync } from 'node:fs';
import type { Platform } from '../core/artifacts.ts';
import type { Cluster, ClusterProfile } from '../core/cluster.ts';
import { ok, type Question, textOf, unreachable } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { ask } from '../core/transport.ts';
import { size } from '../core/units.ts';

export type Facts = {
  /** `1.4.5`; '' where the command does not say */
  version: string;
  /** the least of disk and quota: bytes free for the user in that directory */
  room: ReadonlyMap<string, { free: number; by: 'disk' | 'quota' }>;
  /** of an image that was named; bytes -1: it cannot be read */
  sif?: { bytes: number; head: Uint8Array };
  /** the driver's libraries on the login node, with the newest glibc that each asks for */
  drivers: readonly { path: string; glibc: string }[];
};

export const PROGRAM = readFileSync(new URL('preflight.sh', import.meta.url), 'utf8');

export type Asked = { sif?: string; gpus: boolean };

export function preflight(profile: ClusterProfile, asked: Asked): Question<Facts> {
  const places = [profile.imageStore, profile.stateDir, profile.workDir];
  const words = [profile.container.command, asked.sif ?? '', asked.gpus ? '1' : '0', ...places];
  return {
    command: { argv: ['/bin/sh', '-c', PROGRAM, 'sh', ...words], timeoutMs: 30_000 },
    parse(result) {
      const facts = understand(textOf(result.stdout));
      if (facts) return ok(facts);
      return unreachable(
        new HpcbinderError('E-REMOTE', { message: 'the look before the launch did not come to its end' }),
      );
    },
  };
}

/** undefined: it was cut off. */
export function understand(text: string): Facts | undefined {
  const lines = text.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });
  const all = (key: string) => lines.filter(([name]) => name === key).map(([, value]) => value);
  if (all('looked')[0] !== '1') return undefined;
  const quotas = new Map<string, number>();
  for (const line of all('quota')) {
    const [device = '', used, most] = line.split(' ');
    if (Number(most) > 0) quotas.set(device, Math.max(0, Number(most) - Number(used)) * 1024);
  }
  const room = new Map<string, { free: number; by: 'disk' | 'quota' }>();
  for (const line of all('disk')) {
    const [, device = '', kib = '', path = ''] = /^(\S+) ([0-9]+) (.*)$/.exec(line) ?? [];
    if (path === '') continue;
    const disk = Number(kib) * 1024;
    const quota = quotas.get(device) ?? Number.POSITIVE_INFINITY;
    room.set(path, quota < disk ? { free: quota, by: 'quota' } : { free: disk, by: 'disk' });
  }
  const bytes = all('sif.bytes')[0];
  const drivers = all('driver').flatMap((line) => {
    const [path = '', symbol = ''] = line.split(' ');
    const glibc = symbol.replace('GLIBC_', '');
    return glibc === '' ? [] : [{ path, glibc }];
  });
  return {
    version: /[0-9]+\.[0-9]+(?:\.[0-9]+)?/.exec(all('version')[0] ?? '')?.[0] ?? '',
    room,
    ...(bytes === undefined
      ? {}
      : { sif: { bytes: Number(bytes), head: Buffer.from(all('sif.head')[0] ?? '', 'hex') } }),
    drivers,
  };
}

export type Needs = {
  platform: Platform;
  /** the stored image's, where there is one */
  imagePlatform?: Platform;
  /** an image must be made: room for it is needed */
  make: boolean;
  /** bytes of the repository's files */
  content: number;
  /** the image's, where it is known and GPUs are asked for */
  glibc?: string;
};

/** The least that an image with Jupyter takes as a SIF; what it really needs is known, and asked for, before it is sent. */
const IMAGE_BYTES = 150e6;
/** Records, logs, a copy of the image user's home (sessions/agent/container.py). */
const SESSION_BYTES = 64e6;
/** No `--home SRC:DST` with `--containall` as the agent needs it before these. */
const OLDEST = { apptainer: '1.0', singularity: '3.8' } as const;

/** The first thing that stands in the way; undefined: nothing that can be seen from here. */
export function obstacle(profile: ClusterProfile, facts: Facts, needs: Needs): HpcbinderError | undefined {
  return (
    oldContainer(profile, facts) ??
    givenImage(profile, facts, needs) ??
    otherPlatform(profile, needs) ??
    lackingRoom(profile, facts, needs) ??
    newerDriver(profile, facts, needs)
  );
}

export function oldContainer(
  { container, host }: Pick<ClusterProfile, 'container' | 'host'>,
  { version }: Pick<Facts, 'version'>,
): HpcbinderError | undefined {
  // Apptainer answers to the name singularity as well, and began to count anew at 1.0
  const product = version.startsWith('1.') ? 'apptainer' : container.flavor;
  const least = OLDEST[product];
  if (version === '' || !isOlder(version, least)) return undefined;
  const name = product === 'apptainer' ? 'Apptainer' : 'SingularityCE';
  return new HpcbinderError('E-NO-CONTAINER', {
    message: `${container.command} on ${host} is ${name} ${version}: ${least} or newer is needed`,
    hint: `Ask the site for a newer module and name it in the cluster's entry: modules: [NAME], or ${container.flavor}: /path/to/${container.flavor}`,
  });
}

const ARCHITECTURES: Readonly<Record<string, Platform>> = { '02': 'linux/amd64', '04': 'linux/arm64' };

function givenImage({ host }: ClusterProfile, { sif }: Facts, { platform }: Needs): HpcbinderError | undefined {
  if (sif === undefined) return undefined;
  const fault = (message: string) =>
    new HpcbinderError('E-IMAGE-DAMAGED', { message, hint: '--sif takes the path of a SIF on the cluster.' });
  if (sif.bytes < 0) return fault(`the image of --sif is not there on ${host}, or you may not read it`);
  const head = Buffer.from(sif.head).toString('latin1');
  if (head.slice(32, 41) !== 'SIF_MAGIC') return fault(`the file of --sif on ${host} is no SIF`);
  const found = ARCHITECTURES[head.slice(45, 47)];
  return found === undefined || found === platform ? undefined : wrongPlatform(host, found, platform);
}

function otherPlatform({ host }: ClusterProfile, { platform, imagePlatform }: Needs): HpcbinderError | undefined {
  return imagePlatform === undefined || imagePlatform === platform
    ? undefined
    : wrongPlatform(host, imagePlatform, platform);
}

function wrongPlatform(host: string, image: Platform, nodes: Platform): HpcbinderError {
  return new HpcbinderError('E-PLATFORM', {
    message: `the image is for ${image}, and the partition's nodes on ${host} are ${nodes}`,
    hint: 'Choose another --partition, or build for that one: --rebuild --build-on cluster',
  });
}

function lackingRoom(profile: ClusterProfile, { room }: Facts, needs: Needs): HpcbinderError | undefined {
  const rows: [string, number, string, string][] = [
    ...(needs.make
      ? [[profile.imageStore, IMAGE_BYTES, 'an image', 'image_store'] as [string, number, string, string]]
      : []),
    [profile.stateDir, SESSION_BYTES, "a session's directory", 'state_dir'],
    [profile.workDir, SESSION_BYTES + needs.content, 'the work directory', 'work_dir'],
  ];
  for (const [path, need, what, key] of rows) {
    const found = room.get(path);
    if (found === undefined || found.free >= need) continue;
    return new HpcbinderError('E-DISK-FULL', {
      message: `${what} needs at least ${size(need)} in ${path} on ${profile.host}; ${found.by === 'quota' ? 'your quota leaves' : 'the disk has'} ${size(found.free)}`,
      hint: `hpcbinder images gc frees what can be made again; ${key}: in the cluster's entry names another place.`,
    });
  }
  return undefined;
}

/** `--nv` and `--rocm` put the host's driver into the image, where it finds the image's glibc. */
function newerDriver({ host }: ClusterProfile, { drivers }: Facts, { glibc }: Needs): HpcbinderError | undefined {
  if (glibc === undefined) return undefined;
  const found = drivers.find((driver) => isOlder(glibc, driver.glibc));
  if (found === undefined) return undefined;
  return new HpcbinderError('E-GPU', {
    message: `the GPU driver's ${found.path} on ${host} needs glibc ${found.glibc}, the image has ${glibc}: no program in it could use the GPU`,
    hint: 'Build from a newer base (FROM in the Dockerfile, or runtime.txt), or launch without --gpus.',
  });
}

/** Versions of numbers and dots. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let at = 0; at < Math.max(a?.length ?? 0, b?.length ?? 0); at++) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Throws what stands in the way. */
export type Preflight = (more: Pick<Needs, 'make' | 'imagePlatform' | 'glibc'>) => Promise<void>;

/** Asked now, while the plan is made; judged when the image is known. What could not be looked at stands in nobody's way. */
export function preflightOf(
  cluster: Cluster,
  asked: Asked & Pick<Needs, 'platform' | 'content'>,
  signal: AbortSignal,
): Preflight {
  const looking = (async () => await ask(cluster.transport, preflight(cluster.profile, asked), signal))().catch(
    () => undefined,
  );
  return async (more) => {
    const answer = await looking;
    const { platform, content } = asked;
    const fault = answer?.ok ? obstacle(cluster.profile, answer.value, { platform, content, ...more }) : undefined;
    if (fault) throw fault;
  };
}
