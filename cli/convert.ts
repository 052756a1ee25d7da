/** Image → SIF, by whom the user said: `--converter`, the cluster's entry, the config, else hpcbinder. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Planned } from '../core/arrows.ts';
import type { ImageRef, SifFile } from '../core/artifacts.ts';
import type { Compression, Converter } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import type { OnProgress } from '../core/progress.ts';
import { cacheDir } from './paths.ts';

export async function convertTo(
  converter: Converter,
  engine: Engine,
  image: ImageRef,
  planned: Planned,
  compression: Compression,
  on: OnProgress,
  signal: AbortSignal,
): Promise<SifFile> {
  const dir = join(cacheDir(), 'sifs');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, `${planned.key}.sif`);
  const moved = (progress: { done: number; total: number }) => on({ type: 'update', phase: 'convert', ...progress });
  if (converter === 'hpcbinder') {
    const { docker2singularity } = await import('../converters/docker2singularity.ts');
    const toolsBase = planned.plan.base?.digest ?? image.id;
    return docker2singularity(engine, image.id, path, { on: moved, toolsBase, compression, signal });
  }
  const say = (text: string) => on({ type: 'update', phase: 'convert', text });
  const how = { on: moved, say, env: process.env, signal };
  if (converter === 'apptainer') {
    const { convertByApptainer } = await import('../converters/apptainer.ts');
    return convertByApptainer(engine, image.id, path, how);
  }
  const { convertByUpstream } = await import('../converters/upstream.ts');
  return convertByUpstream(engine, image.id, path, how);
}
