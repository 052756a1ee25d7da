/** The build context as a tar stream: only what the plan needs, in one order, without times or owners of this machine. */
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildPlan, BuildSettings, Checkout, PlanStep, RepoFile } from '../core/artifacts.ts';
import { SETTINGS_CONTEXT, stepContext } from '../core/build-context.ts';
import { HpcbinderError } from '../core/errors.ts';
import { TAR_END, tarFile, tarHeader, tarName, tarPadding } from '../core/tar.ts';
import { renderDockerfile } from './dockerfile.ts';
import { settingsFiles } from './settings.ts';

export const CONTEXT_DOCKERFILE = 'Dockerfile.hpcbinder';

export async function* buildContext(
  plan: BuildPlan,
  checkout: Checkout,
  settings: BuildSettings,
): AsyncGenerator<Uint8Array> {
  const time = plan.sourceDateEpoch;
  yield tarFile(CONTEXT_DOCKERFILE, 0o644, renderDockerfile(plan), time);
  for (const [name, text] of settingsFiles(settings)) yield tarFile(`${SETTINGS_CONTEXT}/${name}`, 0o644, text, time);
  for (const [index, step] of plan.steps.entries()) {
    const at = stepContext(index);
    if (step.kind === 'text') yield tarFile(at, step.mode, step.text, time);
    if (step.kind === 'files') yield* tarTree(checkout, named(checkout, step.paths), `${at}/`, time);
    if (step.kind === 'tree') yield* tarTree(checkout, await treeOf(checkout, step), `${at}/`, time);
  }
  yield TAR_END;
}

/** The context of a repository's own Dockerfile: its one step, at the root. */
export async function* dockerfileContext(plan: BuildPlan, checkout: Checkout): AsyncGenerator<Uint8Array> {
  for (const step of plan.steps) {
    if (step.kind === 'tree') yield* tarTree(checkout, await treeOf(checkout, step), '', plan.sourceDateEpoch);
  }
  yield TAR_END;
}

/** Without what the step excludes, and with `.git` where the step says so: package versions can come from it. */
async function treeOf(checkout: Checkout, step: Extract<PlanStep, { kind: 'tree' }>): Promise<RepoFile[]> {
  const out = new Set(step.exclude);
  const kept = checkout.files.list().filter(({ path }) => {
    const parts = path.split('/');
    return !parts.some((_, index) => out.has(parts.slice(0, index + 1).join('/')));
  });
  return step.commit === undefined || out.has('.git') ? kept : [...kept, ...(await walk(checkout.dir, '.git'))];
}

/** Of git's own folder: regular files and directories are all it has. */
async function walk(root: string, path: string): Promise<RepoFile[]> {
  const found: RepoFile[] = [];
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    const at = `${path}/${entry.name}`;
    if (entry.isDirectory())
      found.push({ path: at, kind: 'directory', mode: 0o755, size: 0, sha256: '' }, ...(await walk(root, at)));
    else if (entry.isFile()) {
      const { size } = await stat(join(root, at));
      found.push({ path: at, kind: 'file', mode: 0o644, size, sha256: '' });
    }
  }
  return found;
}

function named(checkout: Checkout, paths: readonly string[]): RepoFile[] {
  return paths.map((path) => {
    const file = checkout.files.get(path);
    if (file === undefined) throw new HpcbinderError('E-REPO-FILE', { message: `${path} is not in the repository` });
    return file;
  });
}

async function* tarTree(
  checkout: Checkout,
  files: readonly RepoFile[],
  under: string,
  mtime: number,
): AsyncGenerator<Uint8Array> {
  // COPY of a folder that is not there fails, and an empty repository is one
  if (under !== '')
    yield tarHeader({ ...entryBase(mtime), name: tarName(under.slice(0, -1)), kind: 'directory', mode: 0o755 });
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const entry = { ...entryBase(mtime), name: tarName(under + file.path), mode: file.mode & 0o777 };
    if (file.kind === 'directory') yield tarHeader({ ...entry, kind: 'directory', mode: 0o755 });
    else if (file.kind === 'symlink') yield tarHeader({ ...entry, kind: 'symlink', link: tarName(file.target ?? '') });
    else if (file.kind === 'file') {
      yield tarHeader({ ...entry, kind: 'file', size: file.size });
      yield* content(join(checkout.dir, file.path), file);
      yield tarPadding(file.size);
    }
  }
}

function entryBase(mtime: number) {
  return { uid: 0, gid: 0, size: 0, mtime, link: '' };
}

/** Exactly the listed size, or an error: the tree that was hashed is the tree that is built. */
async function* content(path: string, file: RepoFile): AsyncGenerator<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  let left = file.size;
  for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    if (chunk.length > left) throw changed(file.path);
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw changed(file.path);
}

function changed(path: string): HpcbinderError {
  return new HpcbinderError('E-REPO-FILE', {
    message: `${path} changed while the repository was being read`,
    hint: 'Launch again.',
    transient: true,
  });
}
