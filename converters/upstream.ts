/**
 * `--converter docker2singularity`: upstream's own container, with the rights that its documentation asks for: the
 * engine's socket and --privileged. It starts the image once, by its entrypoint. https://github.com/singularityhub/docker2singularity
 */
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SifFile } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { plainLine } from '../core/text.ts';
import type { ForeignHow } from './apptainer.ts';
import { finished } from './finished.ts';

export const UPSTREAM_IMAGE = 'quay.io/singularity/docker2singularity:latest';
const BUILD_MS = 3 * 3600_000;
const KEPT_LINES = 10;

/** E-TOOL-NONE where its image can't be had, E-CONVERT with its last lines, E-CANCELLED. */
export async function convertByUpstream(
  engine: Engine,
  image: string,
  path: string,
  how: ForeignHow,
): Promise<SifFile> {
  const found = await engine.inspect(image);
  if (found === undefined) throw new HpcbinderError('E-CONVERT', { message: `the engine has no image ${image}` });
  const tool = await toolImage(engine, how);
  const output = `${path}.output`;
  const name = basename(path).replace(/\.sif$/, '');
  try {
    await rm(output, { recursive: true, force: true });
    await mkdir(output, { recursive: true, mode: 0o700 });
    const last: string[] = [];
    const { exitCode } = await engine.tool(tool.id, {
      // the image's own entrypoint comes first; neither word is of a repository
      command: ['--name', name, found.ref.id],
      mounts: [{ from: output, to: '/output' }],
      socket: true,
      privileged: true,
      on: (line) => {
        last.push(plainLine(line));
        if (last.length > KEPT_LINES) last.shift();
        how.say?.(plainLine(line));
      },
      timeoutMs: BUILD_MS,
      ...(how.signal ? { signal: how.signal } : {}),
    });
    if (exitCode !== 0)
      throw new HpcbinderError('E-CONVERT', {
        message: `docker2singularity failed (exit ${exitCode})`,
        evidence: last,
        hint: 'Without --converter hpcbinder converts by itself, and needs no privilege.',
      });
    const by = `docker2singularity ${tool.id.replace('sha256:', '').slice(0, 12)}`;
    const { platform } = found.ref;
    const sif = await finished(join(output, `${name}.sif`), path, {
      platform,
      by,
      ...(how.signal ? { signal: how.signal } : {}),
    });
    return { ...sif, converter: by };
  } catch (error) {
    if (how.signal?.aborted)
      throw new HpcbinderError('E-CANCELLED', { message: 'the conversion was stopped', cause: error });
    throw error;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

async function toolImage(engine: Engine, how: ForeignHow): Promise<{ id: string }> {
  const here = await engine.inspect(UPSTREAM_IMAGE);
  if (here !== undefined) return here.ref;
  how.say?.(`pulling ${UPSTREAM_IMAGE}`);
  await engine.pull(UPSTREAM_IMAGE, engine.platform, how.signal);
  const pulled = await engine.inspect(UPSTREAM_IMAGE);
  if (pulled !== undefined) return pulled.ref;
  throw new HpcbinderError('E-TOOL-NONE', {
    message: `--converter docker2singularity: its image ${UPSTREAM_IMAGE} can't be pulled`,
    hint: 'Load it by hand (docker load), or leave the flag out: hpcbinder converts by itself.',
  });
}
