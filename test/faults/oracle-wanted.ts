/** Two trees against each other, and the differences that are wanted: docs/conversion.md gives the reason of each. */
export type Entry = {
  /** hex of the bytes; `.` is the root */
  name: string;
  kind: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  attributes: readonly string[];
  link: string;
  size?: number;
  sha256?: string;
  /** the first name of the same inode */
  group?: string;
};
export type Tree = ReadonlyMap<string, Entry>;

export type Difference = {
  image: string;
  name: string;
  field: string;
  ours: Entry | undefined;
  theirs: Entry | undefined;
};

const FIELDS = ['kind', 'mode', 'uid', 'gid', 'mtime', 'attributes', 'link', 'size', 'sha256', 'group'] as const;
/** of every image of the set, 2026-01-02T03:04:05Z */
export const CREATED = 1_767_323_045;

/** One JSON object a line, as oracle-tree.py prints it. Names: bytes as latin1 characters. */
export function treeOf(lines: string): Tree {
  const entries = lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Entry);
  return new Map(entries.map((entry) => [Buffer.from(entry.name, 'hex').toString('latin1'), entry]));
}

/** What lies below `.singularity.d` is each tool's own: compared by how it acts. */
export function differences(image: string, ours: Tree, theirs: Tree): Difference[] {
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].filter((name) => !name.startsWith('.singularity.d'));
  return names.flatMap((name) => {
    const [one, other] = [ours.get(name), theirs.get(name)];
    const at = (field: string) => ({ image, name, field, ours: one, theirs: other });
    if (one === undefined || other === undefined) return [at(one === undefined ? 'only theirs' : 'only ours')];
    return FIELDS.filter((field) => JSON.stringify(one[field]) !== JSON.stringify(other[field])).map(at);
  });
}

const RUNTIME = /^(?:\.exec|\.run|\.shell|\.test|singularity|environment|\.dockerenv)$/;
const ADDED_BY_ENGINE = ['dev/console', 'dev/pts', 'dev/shm', 'etc/hostname', 'etc/mtab'];
const ADDED_BY_US = ['home/jovyan', 'run', 'srv', 'srv/repo'];
const ADDED_TO = ['.', 'dev', 'etc', 'etc/hosts', 'etc/resolv.conf', 'home', 'proc', 'sys', 'tmp', 'var', 'var/tmp'];

/** What everybody may do of what the owner may, without set-id bits. */
function opened(mode: number): number {
  return (mode & 0o1777) | ((mode & 0o500) >> 3) | ((mode & 0o500) >> 6);
}

export type Wanted = { what: string; covers(difference: Difference): boolean };

/** Each must occur somewhere in the set, and nothing else may. `what`: the first cell of its row in the document. */
export const WANTED: readonly Wanted[] = [
  {
    what: 'runtime files',
    // 'kept' is a hard link to the image's own labels.json, which Apptainer writes over
    covers: ({ image, name }) => RUNTIME.test(name) || (image === 'own-runtime' && name === 'kept'),
  },
  {
    what: 'mount points',
    covers: ({ name, field }) =>
      (field === 'only ours' && [...ADDED_BY_ENGINE, ...ADDED_BY_US].includes(name)) ||
      (field === 'only theirs' && name === 'root') ||
      (field === 'mode' && ['etc/hosts', 'etc/resolv.conf'].includes(name)) ||
      (field === 'mtime' && ADDED_TO.includes(name)),
  },
  {
    what: 'modes',
    covers: ({ name, field, ours, theirs }) =>
      field === 'mode' &&
      ours !== undefined &&
      theirs !== undefined &&
      (theirs.mode & 0o6000) === 0 &&
      ours.mode === (name === '.' ? 0o755 : opened(theirs.mode)),
  },
  {
    what: 'set-id bits, devices, pipes',
    covers: ({ image, name, field, ours, theirs }) =>
      (field === 'mode' && (Number(theirs?.mode) & 0o6000) !== 0 && ours?.mode === opened(Number(theirs?.mode))) ||
      (image === 'devices' && field === 'only theirs' && ['dev/null', 'disk', 'pipe'].includes(name)),
  },
  {
    what: 'unreadable files',
    covers: ({ field, ours, theirs }) =>
      ['size', 'sha256'].includes(field) && theirs?.size === 0 && ours?.size === 1 && (theirs.mode & 0o400) === 0,
  },
  {
    what: 'extended attributes',
    covers: ({ field, ours }) => field === 'attributes' && ours?.attributes.length === 0,
  },
  {
    what: 'late times',
    covers: ({ field, ours, theirs }) =>
      field === 'mtime' && ours?.mtime === CREATED && Number(theirs?.mtime) > CREATED,
  },
  {
    what: 'through a link',
    covers: ({ image, name }) => image === 'through-a-link' && ['alias', 'alias/y', 'real', 'real/y'].includes(name),
  },
];
