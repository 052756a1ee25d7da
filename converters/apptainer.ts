/** `--converter apptainer`: `apptainer build` of the image's own archive, by an Apptainer or SingularityCE of this machine. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SifFile } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';
import { finished } from './finished.ts';

const ASK_MS = 60_000;
const BUILD_MS = 3 * 3600_000;
/** of its words, the end */
const KEPT = 1 << 16;

export type ForeignHow = {
  on?(progress: { done: number; total: number }): void;
  /** one line of what the tool says */
  say?(line: string): void;
  env: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal;
};

/** E-TOOL-NONE without an Apptainer here, E-CONVERT with its last lines, E-CANCELLED. */
export async function convertByApptainer(
  engine: Engine,
  image: string,
  path: string,
  how: ForeignHow,
): Promise<SifFile> {
  const { program, version } = await findApptainer(how);
  const found = await engine.inspect(image);
  if (found === undefined) throw new HpcbinderError('E-CONVERT', { message: `the engine has no image ${image}` });
  const [partial, archive] = [`${path}.partial`, `${path}.archive`];
  try {
    await rm(partial, { force: true });
    await save(engine, found.ref.id, archive, { ...how, total: found.ref.size });
    how.say?.(`${version} reads the archive`);
    await build(program, partial, archive, how);
    const sif = await finished(partial, path, { platform: found.ref.platform, by: version, ...signalOf(how) });
    // the flag's own word comes first: a receipt is compared with it
    return { ...sif, converter: version.startsWith('apptainer') ? version : `apptainer (${version})` };
  } catch (error) {
    await rm(partial, { force: true });
    if (how.signal?.aborted)
      throw new HpcbinderError('E-CANCELLED', { message: 'the conversion was stopped', cause: error });
    throw error;
  } finally {
    await rm(archive, { force: true });
  }
}

/** `apptainer 1.4.5`, `singularity-ce 4.1.1`: the first that answers. */
export async function findApptainer(
  how: Pick<ForeignHow, 'env' | 'signal'>,
): Promise<{ program: string; version: string }> {
  const { execa } = await import('execa');
  for (const program of ['apptainer', 'singularity']) {
    const answer = await execa(program, ['--version'], {
      env: environment(how.env),
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: ASK_MS,
      maxBuffer: KEPT,
    });
    const version = /^([a-z-]+) version ([0-9][0-9A-Za-z.+~-]*)/m.exec(answer.stdout ?? '');
    if (answer.exitCode === 0 && version) return { program, version: `${version[1]} ${version[2]}` };
  }
  throw new HpcbinderError('E-TOOL-NONE', {
    message: '--converter apptainer: neither apptainer nor singularity is on this machine',
    hint: 'Install it (https://apptainer.org/docs/admin/main/installation.html), or leave the flag out: hpcbinder converts by itself.',
  });
}

/** Relative names: in "docker-archive:PATH" a colon of a folder's name would begin a tag. */
export function buildWords(partial: string, archive: string): string[] {
  return ['build', '--force', '--disable-cache', basename(partial), `docker-archive:${basename(archive)}`];
}

async function build(program: string, partial: string, archive: string, how: ForeignHow): Promise<void> {
  const { execa } = await import('execa');
  const answer = await execa(program, buildWords(partial, archive), {
    cwd: dirname(partial),
    env: environment(how.env),
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
    timeout: BUILD_MS,
    maxBuffer: KEPT * 64,
    ...(how.signal ? { cancelSignal: how.signal, forceKillAfterDelay: 5000 } : {}),
  });
  how.signal?.throwIfAborted();
  if (answer.exitCode === 0) return;
  const said = answer.all.slice(-KEPT);
  if (said.includes('no space left on device'))
    throw new HpcbinderError('E-DISK-FULL', {
      message: `${program} build has no room on this machine`,
      evidence: lastLines(said, 10),
      hint: 'It unpacks the image to /tmp: APPTAINER_TMPDIR names another place.',
    });
  throw new HpcbinderError('E-CONVERT', {
    message: `${program} build failed (exit ${answer.exitCode ?? answer.signal ?? 'unknown'})`,
    evidence: lastLines(said, 10),
    hint: 'Without --converter hpcbinder converts by itself, and needs no privilege.',
  });
}

async function save(engine: Engine, image: string, to: string, how: ForeignHow & { total: number }): Promise<void> {
  let done = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      done += chunk.length;
      how.on?.({ done, total: Math.max(how.total, done) });
      pass(null, chunk);
    },
  });
  const stream = await engine.save(image, how.signal);
  await pipeline(stream, counted, createWriteStream(to, { mode: 0o600 }), signalOf(how));
}

function signalOf(how: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return how.signal ? { signal: how.signal } : {};
}

/** What it needs and where it may put things; no token of ours. */
function environment(env: ForeignHow['env']): Record<string, string> {
  const wanted =
    /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_ALL|TMPDIR|XDG_RUNTIME_DIR|(?:APPTAINER|SINGULARITY)_(?:TMPDIR|CACHEDIR))$/;
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && wanted.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
