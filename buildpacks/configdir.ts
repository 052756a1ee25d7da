/** The active config directory: `binder/`, `.binder/` or the root (REES section 1.1). */
import type { EnvironmentSpec, RepoFile, RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { isDirectory, regularFile, unusable } from './locate.ts';

export type ConfigDir = EnvironmentSpec['configDir'];

/** Only directories count, even empty ones; both together are E-BINDER-DUP. */
export function configDirOf(files: RepoFiles): ConfigDir {
  for (const name of ['binder', '.binder']) {
    if (files.get(name)?.kind === 'symlink') throw unusable(name, 'is a link', `Make ${name} a real directory.`);
  }
  const [plain, hidden] = [isDirectory(files, 'binder'), isDirectory(files, '.binder')];
  if (plain && hidden) {
    throw new HpcbinderError('E-BINDER-DUP', {
      message: 'the repository contains both binder/ and .binder/',
      hint: 'Keep one of them: only one can be the config directory.',
    });
  }
  return plain ? 'binder' : hidden ? '.binder' : '';
}

export function within(dir: ConfigDir, name: string): string {
  return dir === '' ? name : `${dir}/${name}`;
}

/** A file of the active config directory; `path` is where it really lies. */
export function configFile(files: RepoFiles, dir: ConfigDir, name: string): RepoFile | undefined {
  return regularFile(files, within(dir, name));
}

/** Files that count in the root only, and only where no config directory hides it: setup.py, pyproject.toml, DESCRIPTION. */
export function rootFile(files: RepoFiles, dir: ConfigDir, name: string): RepoFile | undefined {
  return dir === '' ? regularFile(files, name) : undefined;
}
