/**
 * An engine's root file system → one that Apptainer runs, as a stream of tar blocks: a filter over entries. What other
 * converters leave to the squashfs tool is decided here (CLUSTER.md, "Do not skip the tar"; SECURITY TAR-01 to TAR-07).
 */
import { TAR_END, type TarEntry, tarFile, tarHeader, tarName, tarPadding } from '../core/tar.ts';
import type { RuntimeFile } from './runtime-files.ts';
import { readTar, refuse } from './tar-read.ts';

/**
 * `entries`: a large conda image has 300,000, and each name is held until the end; `namesBytes`: of all names and links'
 * targets together, for they are held too, and each can have 4096 bytes
 */
export type RootLimits = { entries: number; namesBytes: number };
export const ROOT_LIMITS: RootLimits = { entries: 1_000_000, namesBytes: 128e6 };
/** of all files together, before compression */
export const MAX_ROOT_BYTES = 200e9;
/** of dropped files that a hard link may still name, all together */
export const MAX_SPARED_BYTES = 4 << 20;

/** Directories that a session binds onto; Apptainer can't make them in a read-only image without an overlay. */
const BIND_POINTS = [
  'proc',
  'sys',
  'dev',
  'tmp',
  'var',
  'var/tmp',
  'run',
  'home',
  'home/jovyan',
  'srv',
  'srv/repo',
  'etc',
];
const EMPTY_FILES = ['etc/hosts', 'etc/resolv.conf'];

export type RootfsHow = {
  runtime: readonly RuntimeFile[];
  /** epoch seconds: of what is added */
  created: number;
  /** bytes of content passed so far */
  on?(done: number): void;
  limits?: RootLimits;
};

type Seen =
  | { kind: 'directory' | 'file' | 'dropped' }
  | { kind: 'symlink'; target: string }
  | { kind: 'spared'; body: Buffer };

export async function* convertRootfs(source: AsyncIterable<Uint8Array>, how: RootfsHow): AsyncGenerator<Uint8Array> {
  const filter = new RootFilter(how.limits);
  for (const file of how.runtime) yield runtimeEntry(file, how.created);
  let left = 0;
  let current: TarEntry | undefined;
  let spare: Buffer[] | undefined;
  let total = 0;
  for await (const item of readTar(source)) {
    if (item instanceof Uint8Array) {
      left -= item.length;
      total += item.length;
      if (current !== undefined) yield item;
      else spare?.push(Buffer.from(item));
      if (left === 0 && current !== undefined) yield tarPadding(current.size);
      if (left === 0 && spare !== undefined) filter.spareLast(Buffer.concat(spare));
      how.on?.(total);
      continue;
    }
    const out = filter.take(item);
    current = out?.kind === 'file' ? out : undefined;
    left = item.size;
    if (total + left > MAX_ROOT_BYTES) throw refuse(`it holds more than ${MAX_ROOT_BYTES / 1e9} GB`);
    spare = out === undefined && item.kind === 'file' && filter.canSpare(item.size) ? [] : undefined;
    if (spare !== undefined && item.size === 0) filter.spareLast(Buffer.alloc(0));
    if (out === undefined) continue;
    const body = filter.bodyOf(item);
    yield body === undefined ? tarHeader(out) : tarFile(out.name, out.mode, body, out.mtime);
  }
  yield* filter.missing(how.created);
  yield TAR_END;
}

/** Decides on each entry: its new form, or undefined where it is left out. Nothing is followed, nothing is replaced. */
export class RootFilter {
  readonly #seen = new Map<string, Seen>();
  #last = '';
  #names = 0;
  #spared = 0;
  readonly #limits: RootLimits;

  constructor(limits = ROOT_LIMITS) {
    this.#limits = limits;
  }

  take(entry: TarEntry): TarEntry | undefined {
    const name = inside(entry);
    if (name === '') {
      if (entry.kind !== 'directory') throw refuse('its root is no directory', entry.name);
      return undefined;
    }
    const { entries, namesBytes } = this.#limits;
    if (this.#seen.size >= entries) throw refuse(`it has more than ${entries} entries`);
    this.#names += name.length + entry.link.length;
    if (this.#names > namesBytes) throw refuse(`its names are longer than ${namesBytes / 1e6} MB together`);
    if (isReplaced(name)) {
      this.#last = name;
      this.#seen.set(name, { kind: 'dropped' });
      return undefined;
    }
    this.#parent(name);
    const before = this.#seen.get(name);
    if (before !== undefined && !(before.kind === 'directory' && entry.kind === 'directory')) {
      throw refuse('a name is there twice', name);
    }
    // setuid is nothing under Apptainer (nosuid); and the session's user is not the image's: what its owner reads, all read.
    // Owners are no use there either: all is root's, as in `apptainer build`, and no number of them is too many for squashfs
    const mode = (entry.mode & 0o1777) | shared(entry.mode);
    return this.#kept({ ...entry, name, mode, uid: 0, gid: 0 });
  }

  #kept(entry: TarEntry): TarEntry | undefined {
    const { name } = entry;
    switch (entry.kind) {
      case 'file':
      case 'directory':
        this.#seen.set(name, { kind: entry.kind });
        return entry;
      case 'symlink':
        this.#seen.set(name, { kind: 'symlink', target: entry.link });
        return { ...entry, mode: 0o777 };
      case 'hardlink':
        return this.#hardlink(entry);
      default:
        this.#seen.set(name, { kind: 'dropped' });
        return undefined;
    }
  }

  /** To an earlier entry only; where that one was left out its content stands here. */
  #hardlink(entry: TarEntry): TarEntry | undefined {
    const target = inside({ ...entry, name: entry.link });
    const seen = this.#seen.get(target);
    if (seen === undefined || seen.kind === 'directory') throw refuse('a hard link names no earlier file', entry.name);
    if (seen.kind === 'dropped' && isReplaced(target))
      throw refuse('a hard link needs a file that is left out', entry.name);
    this.#seen.set(entry.name, seen.kind === 'spared' ? { kind: 'file' } : seen);
    if (seen.kind === 'file') return { ...entry, link: target };
    if (seen.kind === 'symlink') return { ...entry, kind: 'symlink', link: seen.target, mode: 0o777 };
    return seen.kind === 'spared' ? { ...entry, kind: 'hardlink', size: seen.body.length } : undefined;
  }

  /** The content for a hard link whose target was left out. */
  bodyOf(entry: TarEntry): Buffer | undefined {
    if (entry.kind !== 'hardlink') return undefined;
    const seen = this.#seen.get(inside({ ...entry, name: entry.link }));
    return seen?.kind === 'spared' ? seen.body : undefined;
  }

  canSpare(bytes: number): boolean {
    return this.#spared + bytes <= MAX_SPARED_BYTES;
  }

  spareLast(body: Buffer): void {
    this.#spared += body.length;
    if (this.#seen.get(this.#last)?.kind === 'dropped') this.#seen.set(this.#last, { kind: 'spared', body });
  }

  /** No entry lies below anything but a directory: a link in its place would lead the next write elsewhere. */
  #parent(name: string): void {
    const slash = name.lastIndexOf('/');
    if (slash < 0) return;
    const parent = name.slice(0, slash);
    const seen = this.#seen.get(parent);
    if (seen?.kind === 'directory') return;
    if (seen !== undefined) throw refuse('an entry lies below what is no directory', name);
    this.#parent(parent);
    this.#seen.set(parent, { kind: 'directory' });
  }

  *missing(mtime: number): Generator<Uint8Array> {
    for (const name of [...BIND_POINTS, ...EMPTY_FILES]) {
      const parent = name.includes('/') ? this.#seen.get(name.slice(0, name.lastIndexOf('/'))) : undefined;
      const isUnderLink = parent !== undefined && parent.kind !== 'directory';
      if (this.#seen.has(name) || isUnderLink) continue;
      const kind = EMPTY_FILES.includes(name) ? 'file' : 'directory';
      this.#seen.set(name, { kind });
      yield tarHeader({ name, kind, mode: kind === 'file' ? 0o644 : 0o755, uid: 0, gid: 0, size: 0, mtime, link: '' });
    }
  }
}

/** Ours instead of the image's, and what the engine itself puts into every container. */
function isReplaced(name: string): boolean {
  const top = name.split('/', 1)[0];
  return top === '.singularity.d' || ['singularity', 'environment', '.dockerenv'].includes(name);
}

/** A relative name without `.` parts. An absolute one or `..` refuses the image: no engine writes them. */
function inside(entry: TarEntry): string {
  const { name } = entry;
  if (name.startsWith('/')) throw refuse('an entry is absolute', name);
  if (!/(^|\/)\.{1,2}(\/|$)|\/\/|\/$/.test(name)) return name;
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse('an entry leads out of it', name);
  return parts.join('/');
}

function shared(mode: number): number {
  return ((mode & 0o500) >> 3) | ((mode & 0o500) >> 6);
}

function runtimeEntry(file: RuntimeFile, mtime: number): Uint8Array {
  const name = tarName(file.path);
  if (file.kind === 'file') return tarFile(name, file.mode, file.text, mtime);
  const link = file.kind === 'symlink' ? tarName(file.target) : '';
  const mode = file.kind === 'symlink' ? 0o777 : 0o755;
  return tarHeader({ name, kind: file.kind, mode, uid: 0, gid: 0, size: 0, mtime, link });
}
