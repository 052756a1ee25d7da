/** Where the sockets of kept logins lie: a directory that only this user can enter, with a path that a socket can have. */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';

/**
 * sun_path has 104 bytes on macOS and the BSDs, 108 on Linux, the closing NUL among them; while ssh makes its socket the
 * name is 17 longer (mux.c, muxserver_listen).
 */
const LONGEST_PATH = 104 - 1 - 17;
const NAME = 'hb-0123456789abcdef.m'.length + 11;

export type Place = {
  /** the socket of OpenSSH's master, made by this process */
  master: string;
  /** the same of a connection beside a kept one that is used up */
  apart: string;
  /** the socket of the keeper, which speaks the same protocol */
  keeper: string;
  lock: string;
  /** there: a person is needed for this login */
  person: string;
};

/**
 * The first that fits of: the session's runtime directory, `preferred`, one of our own in the directory for temporary
 * files. Made 0700; one that another user owns, or could put another in the place of, is refused (SECURITY SSH-06). E-CONFIG.
 */
export function controlDirectory(preferred: string | undefined): string {
  const runtime = process.env.XDG_RUNTIME_DIR;
  const candidates = [
    ...(runtime ? [join(runtime, 'hpcbinder')] : []),
    ...(preferred === undefined ? [] : [preferred]),
    ...[tmpdir(), '/tmp'].map((dir) => join(dir, `hpcbinder-${userInfo().uid}`)),
  ];
  const refused: string[] = [];
  for (const path of candidates) {
    const why = Buffer.byteLength(path) + 1 + NAME > LONGEST_PATH ? 'its path is too long for a socket' : unfit(path);
    if (why === undefined) return path;
    refused.push(`${path}: ${why}`);
  }
  throw new HpcbinderError('E-CONFIG', {
    message: 'there is no directory of your own for the sockets of ssh',
    hint: 'Set XDG_RUNTIME_DIR to a short path that is yours alone (mode 0700), or ssh: {transport: ssh2} in the config.',
    evidence: refused,
  });
}

const STICKY = 0o1000;

/** Makes the folder, 0700; why it can't be trusted, where it can't. */
export function unfit(path: string): string | undefined {
  const own = userInfo().uid;
  try {
    const { uid, mode } = statSync(dirname(path));
    if (uid !== own && uid !== 0) return 'the folder around it belongs to another user';
    if ((mode & 0o022) !== 0 && (mode & STICKY) === 0)
      return 'others may replace it: they can write to the folder around it';
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') return `it cannot be made (${code})`;
  }
  const found = lstatSync(path);
  if (!found.isDirectory()) return 'it is no directory';
  if (found.uid !== own) return 'it belongs to another user';
  if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
  return undefined;
}

/**
 * One place for each way to log in. `words`: all that tells one from another. The machine's name is among them, for a
 * home directory may be shared by several.
 */
export function placeIn(directory: string, words: readonly string[]): Place {
  const hash = createHash('sha256').update(JSON.stringify([hostname(), ...words]));
  const base = join(directory, `hb-${hash.digest('hex').slice(0, 16)}`);
  const mine = `${base}.${process.pid}`;
  return { master: `${mine}.m`, apart: `${mine}.a`, keeper: `${base}.k`, lock: `${base}.l`, person: `${base}.p` };
}
