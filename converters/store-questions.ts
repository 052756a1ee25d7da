/** What is asked of the image store's directory: constant scripts, paths as arguments, one parser each. POSIX sh and GNU stat. */
import type { EnvironmentKey, SifReceipt } from '../core/artifacts.ts';
import {
  type CommandResult,
  endedInWords,
  exitCode,
  ok,
  type Question,
  refused,
  textOf,
  unreachable,
} from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';

const ABSENT = 44;
const KEY = /^[0-9a-f]{32}$/;

/** directory, key */
const LOOK = `cd -- "$1" 2>/dev/null || exit ${ABSENT}
[ -f "$2.sif" ] && [ -f "$2.json" ] || { ls -a >/dev/null; [ -f "$2.sif" ] && [ -f "$2.json" ] || exit ${ABSENT}; }
id -u && stat -c '%u %a' . && stat -L -c '%u %a %s' -- "$2.sif" && head -c 65536 -- "$2.json"`;

/** directory, name of the partial file; "size sha256" of it where it is there */
const PREPARE = `umask 077; mkdir -p -- "$1" && cd -- "$1" || exit 1
stat -c '%a' . && df -Pk . | tail -n 1 || exit 1
if [ -f "$2" ] && [ ! -L "$2" ]; then printf '%s ' "$(($(wc -c < "$2")))"; sha256sum < "$2"; fi`;

/** directory */
const LIST = `cd -- "$1" 2>/dev/null || exit 0
for receipt in *.json; do
  sif="\${receipt%.json}.sif"
  if [ -f "$receipt" ] && [ -f "$sif" ]; then stat -c '%X %s' -- "$sif" && head -c 65536 -- "$receipt" | tr -d '\\n' && echo; fi
done`;

/** directory, key: the receipt first, for without it there is no image */
const REMOVE = 'cd -- "$1" 2>/dev/null || exit 0; rm -f -- "$2.json" && rm -f -- "$2.sif" "$2.sif.partial"';

export function checkKey(key: EnvironmentKey): EnvironmentKey {
  if (KEY.test(key)) return key;
  throw new HpcbinderError('E-INTERNAL', { message: `"${key}" is no key of an environment` });
}

/** undefined: not there, or half there, or writable by others who could have swapped it (SECURITY SIF-02). */
export function look(directory: string, key: EnvironmentKey): Question<SifReceipt | undefined> {
  return {
    command: { argv: ['sh', '-c', LOOK, 'sh', directory, checkKey(key)] },
    parse: (result) => {
      if (exitCode(result) === ABSENT) return ok(undefined);
      if (exitCode(result) !== 0) return failed(result, `looking into ${directory}`);
      const [me = '', shelf = '', file = '', ...rest] = textOf(result.stdout).split('\n');
      const [shelfOwner = '', shelfMode = ''] = shelf.split(' ');
      const [owner = '', mode = '', bytes = ''] = file.split(' ');
      const isOurs = [me, '0', shelfOwner].includes(owner) && !othersWrite(mode) && !othersWrite(shelfMode);
      const receipt = parseReceipt(rest.join('\n'));
      return ok(isOurs && receipt?.key === key && receipt.bytes === Number(bytes) ? receipt : undefined);
    },
  };
}

export type Shelf = { mode: number; freeBytes: number; partial?: { bytes: number; sha256: string } };

export function prepare(directory: string, key: EnvironmentKey): Question<Shelf> {
  return {
    command: { argv: ['sh', '-c', PREPARE, 'sh', directory, `${checkKey(key)}.sif.partial`], timeoutMs: 120_000 },
    parse: (result) => {
      if (exitCode(result) !== 0) return failed(result, `making the image store ${directory}`);
      const [mode = '', disk = '', partial = ''] = textOf(result.stdout).split('\n');
      const free = Number(disk.trim().split(/\s+/)[3]);
      const half = /^([0-9]+) ([0-9a-f]{64})\b/.exec(partial);
      return ok({
        mode: Number.parseInt(mode, 8),
        freeBytes: Number.isFinite(free) ? free * 1024 : Number.POSITIVE_INFINITY,
        ...(half?.[2] === undefined ? {} : { partial: { bytes: Number(half[1]), sha256: half[2] } }),
      });
    },
  };
}

/** `usedAt`: epoch seconds of the last read, as far as the file system keeps it. */
export type StoredImage = { receipt: SifReceipt; bytes: number; usedAt: number };

export function list(directory: string): Question<readonly StoredImage[]> {
  return {
    command: { argv: ['sh', '-c', LIST, 'sh', directory], maxBytes: 8 << 20 },
    parse: (result) => {
      if (exitCode(result) !== 0) return failed(result, `listing ${directory}`);
      const lines = textOf(result.stdout).split('\n');
      const found: StoredImage[] = [];
      for (let at = 0; at + 1 < lines.length; at += 2) {
        const [usedAt, bytes] = (lines[at] ?? '').split(' ').map(Number);
        const receipt = parseReceipt(lines[at + 1] ?? '');
        if (receipt !== undefined && usedAt !== undefined && bytes !== undefined)
          found.push({ receipt, bytes, usedAt });
      }
      return ok(found);
    },
  };
}

export function remove(directory: string, key: EnvironmentKey): Question<void> {
  return {
    command: { argv: ['sh', '-c', REMOVE, 'sh', directory, checkKey(key)] },
    parse: (result) => (exitCode(result) === 0 ? ok(undefined) : failed(result, `removing an image from ${directory}`)),
  };
}

/** The SIF's mode: a build on the cluster leaves it to its owner alone. */
export function open(directory: string, key: EnvironmentKey, mode: number): Question<void> {
  return {
    command: { argv: ['chmod', mode.toString(8), `${directory}/${checkKey(key)}.sif`] },
    parse: (result) => (exitCode(result) === 0 ? ok(undefined) : failed(result, `reading the image in ${directory}`)),
  };
}

/** Everything that a later step relies on, or undefined: a receipt that is not whole is none. */
export function parseReceipt(text: string): SifReceipt | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const receipt = value as Partial<SifReceipt>;
  const isWhole =
    receipt.schema === 1 &&
    KEY.test(String(receipt.key)) &&
    Number.isSafeInteger(receipt.bytes) &&
    /^[0-9a-f]{64}$/.test(String(receipt.sha256)) &&
    (receipt.platform === 'linux/amd64' || receipt.platform === 'linux/arm64') &&
    typeof receipt.builtAt === 'string' &&
    typeof receipt.repo === 'string';
  return isWhole ? (receipt as SifReceipt) : undefined;
}

/** Group or others; a sticky directory keeps strangers from replacing what is not theirs. */
function othersWrite(mode: string): boolean {
  const bits = Number.parseInt(mode, 8);
  return !((bits & 0o022) === 0 || (bits & 0o1000) !== 0);
}

function failed(result: CommandResult, doing: string) {
  const said = textOf(result.stderr);
  const silent = result.ended.kind !== 'exit';
  const error = new HpcbinderError(
    said.includes('No space left') || said.includes('quota') ? 'E-DISK-FULL' : 'E-REMOTE',
    {
      message: `${doing} failed (${endedInWords(result.ended)})`,
      evidence: lastLines(said, 5),
      transient: silent,
    },
  );
  return silent ? unreachable(error) : refused(error);
}
