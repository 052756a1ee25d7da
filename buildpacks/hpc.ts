/** hpc.yml: what a repository may wish for. Nothing else can come from it (DESIGN 18). */
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { APPS_IN_WORDS, type AppName, appNamed } from '../core/apps.ts';
import type { RepositoryWishes } from '../core/arrows.ts';
import type { RepoFiles } from '../core/artifacts.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import { harmless, nearest } from '../core/text.ts';
import { parseDuration, parseMemory } from '../core/units.ts';
import { configDirOf, configFile } from './configdir.ts';

type Reader = (value: unknown) => RepositoryWishes;

/** Each takes a scalar of YAML and throws a sentence about it. */
const KEYS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['cpus', (value) => ({ cpus: whole(value, 1, 4096) })],
  ['memory', (value) => ({ memoryMb: parseMemory(word(value)) })],
  ['gpus', (value) => ({ gpus: whole(value, 0, 1024) })],
  ['gpu_type', (value) => ({ gpuType: gpuType(value) })],
  ['time', (value) => ({ seconds: parseDuration(word(value)) })],
  ['app', (value) => ({ app: app(value) })],
]);

/** Names by which people will try to reach the site's side. */
const FOREIGN = new Set(
  'partition queue account qos reservation constraint bind binds module modules prologue sbatch qsub options env path image cluster'.split(
    ' ',
  ),
);

/** The hpc.yml of the active config directory; no wishes where there is none. */
export function hpcYmlOf(files: RepoFiles): RepositoryWishes {
  const file = configFile(files, configDirOf(files), 'hpc.yml');
  return file === undefined ? {} : parseHpcYml(files.text(file.path) ?? '', file.path);
}

/** E-HPC-YML with line and column: no YAML, a key that there is not (with the nearest), a value that cannot be. */
export function parseHpcYml(text: string, file = 'hpc.yml'): RepositoryWishes {
  const lines = new LineCounter();
  const place = (offset: number | undefined) => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${file} line ${line}, column ${col}`;
  };
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const [fault] = document.errors;
  if (fault !== undefined) throw wrong(`${place(fault.pos[0])}: ${harmless(fault.message)}`);
  const root: unknown = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return {};
  if (!isMap<Node, Node | null>(root)) throw wrong(`${file} must be a list of "key: value" lines`);
  let wishes: RepositoryWishes = {};
  for (const { key, value } of root.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const reader = KEYS.get(name);
    if (reader === undefined) throw unknownKey(name, place(key.range?.[0]));
    try {
      if (!isScalar(value)) throw wrong('it takes one plain value');
      wishes = { ...wishes, ...reader(value.value) };
    } catch (error) {
      throw wrong(`${place((value ?? key).range?.[0])}: ${name}: ${asHpcbinderError(error).message}`);
    }
  }
  if (wishes.gpuType !== undefined && wishes.gpus === 0) throw wrong(`${file} names a gpu_type and asks for 0 gpus`);
  return wishes;
}

function unknownKey(name: string, place: string): HpcbinderError {
  const shown = harmless(name.slice(0, 60));
  if (FOREIGN.has(name.toLowerCase())) {
    return wrong(
      `${place}: "${shown}" cannot come from a repository`,
      'Where a job runs, what it is charged to and what it sees are the choice of the user and the site: use the flag or the config.',
    );
  }
  const near = nearest(name, [...KEYS.keys()]);
  return wrong(`${place}: there is no key "${shown}"${near === undefined ? '' : `; did you mean ${near}?`}`);
}

function wrong(message: string, hint = `The keys are ${[...KEYS.keys()].join(', ')}.`): HpcbinderError {
  return new HpcbinderError('E-HPC-YML', { message, hint });
}

function word(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw wrong('it takes one plain value');
}

function whole(value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(`"${harmless(String(value))}" is no whole number from ${least} to ${most}`);
}

function gpuType(value: unknown): string {
  const text = word(value);
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(text)) return text;
  throw wrong(`"${harmless(text)}" is no name of a GPU type`);
}

function app(value: unknown): AppName {
  const named = appNamed(value);
  if (named !== undefined) return named;
  throw wrong(`"${harmless(String(value))}" is no app; there are ${APPS_IN_WORDS}`);
}
