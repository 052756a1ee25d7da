/** A fake engine, of which only two answers are asked: its image's root file system is a tar that we made by hand. All that follows is real. */
import { Readable } from 'node:stream';
import type { ImageConfig } from '../../core/artifacts.ts';
import type { Engine } from '../../core/engine.ts';

const CONFIG: ImageConfig = {
  env: [],
  entrypoint: [],
  cmd: ['/bin/true'],
  workingDir: '',
  user: '',
  labels: {},
  architecture: 'amd64',
};

function never(): never {
  throw new Error('the fake engine was asked for more than an export');
}

export function engineOf(root: () => Iterable<Uint8Array>, config: Partial<ImageConfig> = {}): Engine {
  const ref = { id: `sha256:${'0'.repeat(64)}`, tag: 'hostile', platform: 'linux/amd64', size: 1 } as const;
  return {
    kind: 'docker',
    version: '0',
    address: 'unix:///nowhere',
    platform: 'linux/amd64',
    inspect: async () => ({ ref: { ...ref, created: '2026-01-01T00:00:00Z' }, config: { ...CONFIG, ...config } }),
    exportRoot: async () => Readable.from(root(), { objectMode: false }),
    run: never,
    filter: never,
    tool: never,
    built: never,
    untag: never,
    save: never,
    build: never,
    pull: never,
    importRoot: never,
  };
}
