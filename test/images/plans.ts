/** A plan of every kind of step, and a checkout in memory with a directory for its bytes. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BuildPlan, Checkout, RepoFile } from '../../core/artifacts.ts';

export function checkoutOf(texts: Readonly<Record<string, string>>): Checkout {
  const dir = mkdtempSync(join(tmpdir(), 'hb-checkout-'));
  const list: RepoFile[] = Object.entries(texts).map(([path, text]) => {
    mkdirSync(join(dir, dirname(path)), { recursive: true });
    writeFileSync(join(dir, path), text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    return { path, kind: 'file', mode: 0o644, size: Buffer.byteLength(text), sha256 };
  });
  const text = (path: string) => texts[path];
  const bytes = (path: string) => (texts[path] === undefined ? undefined : Buffer.from(texts[path]));
  const files = { list: () => list, get: (path: string) => list.find((file) => file.path === path), text, bytes };
  return { repo: { kind: 'local', path: dir, tree: '0'.repeat(64) }, dir, files };
}

export const PLAN: BuildPlan = {
  schema: 1,
  builder: 'python',
  platform: 'linux/amd64',
  base: { name: 'docker.io/library/python:3.13-slim-trixie', digest: `sha256:${'a'.repeat(64)}`, python: '3.13' },
  repoDir: '/srv/repo',
  user: { name: 'jovyan', uid: 1000, home: '/home/jovyan' },
  env: [
    ['PATH', '/srv/venv/bin:/usr/bin'],
    ['ODD', 'a "b" $HOME \\ c'],
  ],
  steps: [
    { kind: 'run', name: 'user jovyan', as: 'root', cwd: '/', shell: 'useradd jovyan', onlyWithIds: true },
    { kind: 'text', path: '/usr/local/bin/hpcbinder-entrypoint', mode: 0o755, text: '#!/bin/sh\nexec "$@"\n' },
    { kind: 'files', paths: ['requirements.txt'], to: '/srv/build' },
    {
      kind: 'run',
      name: 'requirements.txt',
      as: 'user',
      cwd: '/srv/repo',
      shell: "pip install -r 'a b'",
      file: 'requirements.txt',
    },
    { kind: 'tree', sha256: '0'.repeat(64), exclude: ['data'] },
  ],
  entrypoint: ['/usr/local/bin/hpcbinder-entrypoint'],
  contentInImage: true,
  sourceDateEpoch: 1577836800,
  labels: [['hpcbinder.repo', 'https://example.org/"quoted"']],
  reads: [],
};
