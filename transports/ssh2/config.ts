/**
 * The user's ~/.ssh/config, as far as it says who we talk to (ssh_config(5)): the first value wins, IdentityFile adds up.
 * What would change that and can't be honoured here (ProxyCommand, Match exec, certificates …) is left to OpenSSH; the
 * error names its line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import { OnlyOpenssh } from './only-openssh.ts';

export type ConfigLine = { file: string; line: number; keyword: string; args: readonly string[] };

export type HostConfig = {
  hostName: string;
  user?: string;
  port?: number;
  identityFiles: readonly string[];
  identitiesOnly: boolean;
  /** as written: hops with commas; absent for none */
  proxyJump?: string;
  knownHosts?: readonly string[];
  hostKeyAlias?: string;
};

const MAX_DEPTH = 16;

/** Decide how one logs in or whom one trusts, and are unknown to ssh2; with these values they change nothing. */
const ONLY_OPENSSH = new Map<string, readonly string[]>([
  ['gssapiauthentication', ['no']],
  ['pkcs11provider', ['none']],
  ['certificatefile', ['none']],
  ['identityagent', ['SSH_AUTH_SOCK']],
  ['knownhostscommand', ['none']],
  ['revokedhostkeys', ['none']],
  ['canonicalizehostname', ['no']],
  ['bindaddress', []],
  ['bindinterface', []],
]);

export function defaultConfigPath(): string {
  return join(homedir(), '.ssh', 'config');
}

/** Keyword and words of each line: `Key value`, `Key=value`, "quoted words", comments dropped. Pure. */
export function parseConfig(text: string, file: string): ConfigLine[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(raw);
    if (!match) return [];
    const args: string[] = [];
    for (const word of (match[2] ?? '').matchAll(/"([^"]*)"|([^\s"]+)/g)) {
      if (word[2]?.startsWith('#')) break;
      args.push(word[1] ?? word[2] ?? '');
    }
    return [{ file, line: index + 1, keyword: (match[1] ?? '').toLowerCase(), args }];
  });
}

/** Patterns of `Host`: `*` and `?`; one that begins with `!` and matches undoes the rest. */
export function matchesPatterns(name: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    if (!wildcard(negated ? pattern.slice(1) : pattern).test(name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

export function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
}

/** What the file says about a host, which may be an alias. `given` is what the command line fixed already. */
export function hostConfig(path: string, alias: string, given: { user?: string } = {}): HostConfig {
  const found = new Map<string, readonly string[]>();
  const identityFiles: string[] = [];
  if (given.user !== undefined) found.set('user', [given.user]);
  const host = () => expand(found.get('hostname')?.[0] ?? alias, new Map([['h', alias]]));

  const read = (file: string, outer: boolean, depth: number): void => {
    let active = outer;
    for (const line of linesOf(file)) {
      const { keyword, args } = line;
      if (keyword === 'host') active = outer && matchesPatterns(alias, args);
      else if (keyword === 'match') active = outer && matches(line, alias, host(), found.get('user')?.[0]);
      else if (!active) continue;
      else if (keyword === 'include') {
        if (depth < MAX_DEPTH)
          for (const part of args.flatMap((arg) => included(arg, path))) read(part, true, depth + 1);
      } else if (keyword === 'identityfile') identityFiles.push(args[0] ?? 'none');
      else if (keyword === 'proxycommand' && !found.has('proxyjump')) {
        if (args[0] !== 'none') throw unsupported(line, 'ProxyCommand', alias);
        found.set('proxyjump', ['none']);
      } else if (!found.has(keyword)) {
        if (ONLY_OPENSSH.get(keyword)?.includes(args[0] ?? '') === false) throw unsupported(line, keyword, alias);
        found.set(keyword, args);
      }
    }
  };
  read(path, true, 0);

  const hostName = host();
  const [user, port] = [found.get('user')?.[0], Number(found.get('port')?.[0] ?? 22)];
  const local = userInfo().username;
  const tokens = new Map([
    ['h', hostName],
    ['n', alias],
    ['r', user ?? local],
    ['u', local],
    ['p', String(port)],
    ['d', homedir()],
  ]);
  const [jump, hosts, hostKeyAlias] = [
    found.get('proxyjump'),
    found.get('userknownhostsfile'),
    found.get('hostkeyalias'),
  ];
  return {
    hostName,
    ...(user !== undefined ? { user } : {}),
    ...(found.has('port') ? { port } : {}),
    identityFiles: identityFiles.filter((file) => file !== 'none').map((file) => expandPath(file, tokens)),
    identitiesOnly: found.get('identitiesonly')?.[0] === 'yes',
    ...(jump?.[0] !== undefined && jump[0] !== 'none' ? { proxyJump: expand(jump.join(''), tokens) } : {}),
    ...(hosts ? { knownHosts: hosts.filter((file) => file !== 'none').map((file) => expandPath(file, tokens)) } : {}),
    ...(hostKeyAlias?.[0] !== undefined ? { hostKeyAlias: hostKeyAlias[0] } : {}),
  };
}

/** Concrete aliases, in the order of the file, for offering: patterns and negations are none. */
export function sshConfigHosts(path: string = defaultConfigPath()): string[] {
  const names: string[] = [];
  const read = (file: string, depth: number): void => {
    for (const { keyword, args } of linesOf(file)) {
      if (keyword === 'include' && depth < MAX_DEPTH) {
        for (const part of args.flatMap((arg) => included(arg, path))) read(part, depth + 1);
      }
      if (keyword === 'host') names.push(...args.filter((arg) => /^[A-Za-z0-9._:][A-Za-z0-9._:-]*$/.test(arg)));
    }
  };
  read(path, 0);
  return [...new Set(names)];
}

function matches(line: ConfigLine, alias: string, host: string, user: string | undefined): boolean {
  const words = line.args.flatMap((arg) => (/^!?[a-z]+=/.test(arg) ? arg.split(/=(.*)/s).slice(0, 2) : [arg]));
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [name, negated] = [word.replace(/^!/, '').toLowerCase(), word.startsWith('!')];
    if (name === 'all') continue;
    // never reached here: there is no canonical name, and no second pass
    if (name === 'canonical' || name === 'final') return false;
    const subject = new Map([
      ['host', host],
      ['originalhost', alias],
      ['user', user ?? userInfo().username],
      ['localuser', userInfo().username],
    ]).get(name);
    if (subject === undefined) throw unsupported(line, `Match ${name}`, alias);
    at++;
    if (matchesPatterns(subject, (words[at] ?? '').split(',')) === negated) return false;
  }
  return true;
}

function unsupported(line: ConfigLine, what: string, alias: string): OnlyOpenssh {
  return new OnlyOpenssh('E-CONFIG', {
    message: `${line.file} line ${line.line}: "${what}" decides how ${alias} is reached, and only OpenSSH's own client can follow it`,
    hint: `Leave ssh: {transport: auto} in the config and install ssh, or write a "Host ${alias}" block above it, with HostName and ProxyJump and "ProxyCommand none".`,
  });
}

function linesOf(file: string): ConfigLine[] {
  try {
    return parseConfig(readFileSync(file, 'utf8'), file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new HpcbinderError('E-CONFIG', { message: `${file} cannot be read (${code ?? cause})`, cause });
  }
}

/** Relative to the directory of the user's file; wildcards in the last part of the path. */
function included(pattern: string, config: string): string[] {
  const path = expandPath(pattern, new Map([['d', homedir()]]));
  const full = isAbsolute(path) ? path : join(dirname(config), path);
  if (!/[*?]/.test(basename(full))) return [full];
  try {
    const names = readdirSync(dirname(full)).filter((name) => wildcard(basename(full)).test(name));
    return names.sort().map((name) => join(dirname(full), name));
  } catch {
    return [];
  }
}

function expand(text: string, tokens: ReadonlyMap<string, string>): string {
  return text.replace(/%(.)/g, (all, token: string) => (token === '%' ? '%' : (tokens.get(token) ?? all)));
}

function expandPath(path: string, tokens: ReadonlyMap<string, string>): string {
  return expand(path.replace(/^~(?=\/|$)/, homedir()), tokens);
}
