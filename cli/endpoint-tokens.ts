/**
 * API tokens of campus endpoints, by the endpoint's address, in one file that is its owner's alone (SECURITY TOK-05). They never
 * stand in the command line: its words are everybody's to read on a shared machine (TOK-01).
 */
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { parseFields, text } from '../core/json.ts';
import { harmless } from '../core/text.ts';
import { configDir } from './paths.ts';

const FORM = /^hpct_[0-9A-Za-z]{49}$/;
const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);
/** of answers on stdin and of the file; a token has 54 characters */
export const MOST_TOKEN_BYTES = 4096;

export function tokensPath(): string {
  return join(configDir(), 'tokens.json');
}

/** The endpoint's own address, ends with `/`. Only https, but for this machine: the token goes along. E-USAGE. */
export function endpointAddress(typed: string): URL {
  const fault = (message: string) =>
    new HpcbinderError('E-USAGE', { message, hint: 'Write it like https://binder.hpc.example.edu' });
  const url = URL.canParse(typed) ? new URL(typed) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol))
    throw fault(`"${harmless(typed).slice(0, 200)}" is no address of an endpoint`);
  if (url.username !== '' || url.password !== '')
    throw fault('an address of an endpoint has no name or password in it');
  if (url.search !== '' || url.hash !== '') throw fault('an address of an endpoint ends with its path');
  if (url.protocol === 'http:' && !LOCAL.has(url.hostname))
    throw fault(`${url.host} is another machine: without https anybody on the way could read the token`);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** E-TOKEN where it has not the form of one. It is not shown. */
export function checkToken(token: string, from: string): string {
  const found = token.trim();
  if (FORM.test(found)) return found;
  throw new HpcbinderError('E-TOKEN', {
    message: `${from} is no API token of an endpoint`,
    hint: 'It begins with hpct_ and has 54 characters; the page "API tokens" of the endpoint makes one.',
  });
}

/** `HPCBINDER_TOKEN`, else what `hpcbinder login` kept for this endpoint. E-SIGN-IN where there is none. */
export function tokenFor(base: URL): string {
  const { HPCBINDER_TOKEN } = process.env;
  if (HPCBINDER_TOKEN) return checkToken(HPCBINDER_TOKEN, 'HPCBINDER_TOKEN');
  const kept = readTokens().get(base.href);
  if (kept !== undefined) return checkToken(kept, `what ${tokensPath()} has for ${base.href}`);
  throw new HpcbinderError('E-SIGN-IN', {
    message: `there is no API token for ${base.href}`,
    hint: `Make one at ${new URL('tokens', base).href} with the scopes read, launch and stop.`,
    next: ['hpcbinder', 'login', base.href],
  });
}

export function keepToken(base: URL, token: string): void {
  write(readTokens().set(base.href, token));
}

/** Was there one? */
export function forgetToken(base: URL): boolean {
  const kept = readTokens();
  if (!kept.delete(base.href)) return false;
  if (kept.size > 0) write(kept);
  else rmSync(tokensPath());
  return true;
}

function write(tokens: ReadonlyMap<string, string>): void {
  const temporary = `${tokensPath()}.${process.pid}`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${JSON.stringify({ tokens: Object.fromEntries(tokens) }, null, 2)}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  renameSync(temporary, tokensPath());
}

function readTokens(): Map<string, string> {
  const path = tokensPath();
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  try {
    // of the open file, so that it cannot be swapped between the look and the reading
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new HpcbinderError('E-CONFIG', {
        message: `${path} can be read by others, and holds API tokens`,
        hint: `Run: chmod 600 ${path}, then revoke those tokens on the endpoint's page: they may be known.`,
      });
    const tokens = parseFields(readFileSync(file, 'utf8'))?.tokens;
    if (typeof tokens !== 'object' || tokens === null)
      throw new HpcbinderError('E-CONFIG', {
        message: `${path} cannot be understood`,
        hint: 'Delete it and run hpcbinder login again.',
      });
    return new Map(
      Object.entries(tokens).flatMap(([url, token]) => (text(token) === undefined ? [] : [[url, String(token)]])),
    );
  } finally {
    closeSync(file);
  }
}
