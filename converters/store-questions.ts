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
import { quote } from '../core/shell.ts';
import { lastLines } from '../core/text.ts';
import { fileFault, keeperFault, type Owned, shelfFault } from './store-trust.ts';

const ABSENT = 44;
const KEY = /^[0-9a-f]{32}$/;

/**
 * directory, key. What another has put there may be closed: the answer still says whose it is.
 * The receipt gets a new time: it says when the image was used last. `above`: what the directory hangs below.
 * A copy's times are nanoseconds where the file system has them (`%.9Z`, coreutils 8.6).
 */
const LOOK = `cd -- "$1" 2>/dev/null || exit ${ABSENT}
key=$2; there() { [ -f "$key.sif" ] && [ ! -L "$key.sif" ] && [ -f "$key.json" ]; }
there || { ls -a >/dev/null; there; } || exit ${ABSENT}
touch -c -- "$key.json" 2>/dev/null
id -u; stat -c '%u %a' .; stat -c '%u %a %s %i %.9Y %.9Z' -- "$key.sif" || exit 1
seal=; [ -f "$key.seal" ] && [ ! -L "$key.seal" ] && IFS= read -r seal 2>/dev/null < "$key.seal"; printf '%s\\n' "$seal"
set -- /; at=$(pwd -P); at=\${at%/*}; while [ -n "$at" ]; do set -- "$@" "$at"; at=\${at%/*}; done
stat -c '%u %a' -- "$@" | tr '\\n' ,; echo; head -c 65536 -- "$key.json" 2>/dev/null || :`;

/** directory, name of the partial file; "size sha256" of it where it is there */
const PREPARE = `umask 077; mkdir -p -- "$1" && cd -- "$1" || exit 1
stat -c '%a' . && df -Pk . | tail -n 1 || exit 1
stat -c %s -- *.sif* 2>/dev/null | awk '{ sum += $1 } END { printf "%.0f\\n", sum }'
if [ -f "$2" ] && [ ! -L "$2" ]; then printf '%s ' "$(($(wc -c < "$2")))"; sha256sum < "$2"; fi`;

/** directory, key, word: the file under another name, for a job on another host may still read it (SECURITY F-39) */
const SET_ASIDE = `cd -- "$1" && [ -f "$2.sif" ] || exit 0; to=$2.sif.$3-$(date +%s)
if [ "$3" = damaged ]; then rm -f -- "$2.json" "$2.seal" && mv -f -- "$2.sif" "$to"; else ln -f -- "$2.sif" "$to" 2>/dev/null || :; fi`;

/** directory, key, mode, sha256: opened to its readers and sealed; answers the seal */
const OPEN = `cd -- "$1" && chmod "$3" -- "$2.sif" || exit 1
seal="$4 $(stat -c '%s %i %.9Y %.9Z' -- "$2.sif")" || exit 1
rm -f -- "$2.seal.new"; (set -C; umask 077; printf '%s\\n' "$seal" >"$2.seal.new") && chmod "$3" -- "$2.seal.new" && mv -f -- "$2.seal.new" "$2.seal" && printf '%s\\n' "$seal"`;

const MAKE = 'umask 077; mkdir -p -- "$1"';

/** directory, name of the partial file, if it is there: what another process has open and goes on writing is then another file */
const OWN =
  'cd -- "$1" && { [ -f "$2" ] && [ ! -L "$2" ]; } || exit 0; cp -p -- "$2" "$2.own" && mv -f -- "$2.own" "$2"';

/** directory, key: the receipt first, for without it there is no image */
const REMOVE = 'cd -- "$1" 2>/dev/null || exit 0; rm -f -- "$2.json" && rm -f -- "$2.sif" "$2.seal" "$2.sif.partial"';

/** Those that write, with the directory as their first word; and the one that looks. */
export const STORE_WRITERS = [PREPARE, SET_ASIDE, OPEN, MAKE, OWN, REMOVE];
export const STORE_LOOK = LOOK;

export function checkKey(key: EnvironmentKey): EnvironmentKey {
  if (KEY.test(key)) return key;
  throw new HpcbinderError('E-INTERNAL', { message: `"${key}" is no key of an environment` });
}

/** What lies under a key, before its content was read. `identity`: size, inode, mtime and ctime, as the seal has them. */
export type Found = {
  receipt: SifReceipt | undefined;
  bytes: number;
  identity: string;
  /** the seal that was left when the content was last read, or '' */
  seal: string;
  /** why the file may be another's work */
  fault: string | undefined;
};

/**
 * undefined: not there, or half there. Refused where others may write into the store (SECURITY SIF-02). `keeper`: uid of the
 * account that alone makes its images, or root; without it whoever's the directory is.
 */
export function look(directory: string, key: EnvironmentKey, keeper?: number): Question<Found | undefined> {
  return {
    command: { argv: ['sh', '-c', LOOK, 'sh', directory, checkKey(key)] },
    parse: (result) => {
      if (exitCode(result) === ABSENT) return ok(undefined);
      if (exitCode(result) !== 0) return failed(result, `looking into ${directory}`);
      const [me = '', shelfText = '', file = '', seal = '', aboveText = '', ...rest] = textOf(result.stdout).split(
        '\n',
      );
      const shelf = owned(shelfText);
      const why = shelfFault(me, shelf, aboveText.split(',').filter(Boolean).map(owned)) ?? keeperFault(shelf, keeper);
      if (why !== undefined) return refused(untrusted(directory, why));
      const [, , size = '', ...times] = file.split(' ');
      const receipt = parseReceipt(rest.join('\n'));
      return ok({
        receipt: receipt?.key === key ? receipt : undefined,
        bytes: Number(size),
        identity: [size, ...times].join(' '),
        seal,
        fault: fileFault(me, shelf, owned(file)),
      });
    },
  };
}

function owned(text: string): Owned {
  const [uid = '', mode = ''] = text.split(' ');
  return { uid, mode };
}

function untrusted(directory: string, why: string): HpcbinderError {
  return new HpcbinderError('E-STORE', {
    message: `the image store ${directory} is not used: ${why}`,
    hint: `Whoever may write there can put another image in the place of yours. Close it (chmod go-w ${quote(directory)}), or name another directory in the cluster's entry: image_store`,
  });
}

/** `storedBytes`: of all images there, also of those set aside. */
export type Shelf = {
  mode: number;
  freeBytes: number;
  storedBytes: number;
  partial?: { bytes: number; sha256: string };
};

export function prepare(directory: string, key: EnvironmentKey): Question<Shelf> {
  return {
    command: { argv: ['sh', '-c', PREPARE, 'sh', directory, `${checkKey(key)}.sif.partial`], timeoutMs: 120_000 },
    parse: (result) => {
      if (exitCode(result) !== 0) return failed(result, `making the image store ${directory}`);
      const [mode = '', disk = '', stored = '', partial = ''] = textOf(result.stdout).split('\n');
      const free = Number(disk.trim().split(/\s+/)[3]);
      const half = /^([0-9]+) ([0-9a-f]{64})\b/.exec(partial);
      return ok({
        mode: Number.parseInt(mode, 8),
        freeBytes: Number.isFinite(free) ? free * 1024 : Number.POSITIVE_INFINITY,
        storedBytes: Number(stored) || 0,
        ...(half?.[2] === undefined ? {} : { partial: { bytes: Number(half[1]), sha256: half[2] } }),
      });
    },
  };
}

export function make(directory: string): Question<void> {
  return {
    command: { argv: ['sh', '-c', MAKE, 'sh', directory] },
    parse: (result) => (exitCode(result) === 0 ? ok(undefined) : failed(result, `making the image store ${directory}`)),
  };
}

/** The partial file becomes ours alone. */
export function own(directory: string, key: EnvironmentKey): Question<void> {
  return {
    command: { argv: ['sh', '-c', OWN, 'sh', directory, `${checkKey(key)}.sif.partial`], timeoutMs: 300_000 },
    parse: (result) =>
      exitCode(result) === 0 ? ok(undefined) : failed(result, `going on with an upload in ${directory}`),
  };
}

/** `damaged`: it is no image any more. `old`: a newer one is about to take its place; until then it stays one. */
export function setAside(directory: string, key: EnvironmentKey, word: 'damaged' | 'old'): Question<void> {
  return {
    command: { argv: ['sh', '-c', SET_ASIDE, 'sh', directory, checkKey(key), word] },
    parse: (result) =>
      exitCode(result) === 0 ? ok(undefined) : failed(result, `setting an image aside in ${directory}`),
  };
}

export function remove(directory: string, key: EnvironmentKey): Question<void> {
  return {
    command: { argv: ['sh', '-c', REMOVE, 'sh', directory, checkKey(key)] },
    parse: (result) => (exitCode(result) === 0 ? ok(undefined) : failed(result, `removing an image from ${directory}`)),
  };
}

/** A new image gets its mode, and the seal that says that its content is `sha256`; answers the seal. */
export function open(directory: string, key: EnvironmentKey, mode: number, sha256: string): Question<string> {
  return {
    command: { argv: ['sh', '-c', OPEN, 'sh', directory, checkKey(key), mode.toString(8), sha256] },
    parse: (result) =>
      exitCode(result) === 0 ? ok(textOf(result.stdout).trim()) : failed(result, `sealing the image in ${directory}`),
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

function failed(result: CommandResult, doing: string) {
  const said = textOf(result.stderr);
  const silent = result.ended.kind !== 'exit';
  const full = said.includes('No space left') || said.includes('quota');
  const error = new HpcbinderError(full ? 'E-DISK-FULL' : result.ended.kind === 'lost' ? 'E-SSH-LOST' : 'E-REMOTE', {
    message: `${doing} failed (${endedInWords(result.ended)})`,
    evidence: lastLines(said, 5),
    transient: silent,
  });
  return silent ? unreachable(error) : refused(error);
}
