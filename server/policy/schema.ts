/** serve.yaml, an endpoint's one file: what may stand in it, read strictly (core/schema.ts). Times in seconds, memory in MiB. */
import { isScalar } from 'yaml';
import { clusterFields, NAME } from '../../core/config.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { boolean, fail, integer, list, mapOf, object, oneOf, parsed, type Reader, string } from '../../core/schema.ts';
import { APPS } from '../../core/session.ts';
import { parseDuration, parseMemory } from '../../core/units.ts';
import { ACCOUNT } from '../sign-in/accounts.ts';
import { parsePattern } from './patterns.ts';

const matching =
  (grammar: RegExp, what: string): Reader<string> =>
  (node, where, place) => {
    const text = string(node, where, place);
    return grammar.test(text) ? text : fail(place, node, `"${where}" must be ${what}, not "${text}"`);
  };
const named = matching(NAME, 'a name');
const path = matching(/^\/[^\0\n,:]*$/, 'an absolute path');
const account: Reader<string> = (node, where, place) => {
  const name = matching(ACCOUNT, 'the name of an account')(node, where, place);
  return name === 'root' ? fail(place, node, `"${where}" may not be root`) : name;
};
/** with v6 in it, as the kernel writes it; ranges of addresses trust more than the one proxy that is meant (WEB-11) */
const address = matching(/^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/i, 'an IP address');
/** of the sign-in's header: an address, or whoever may open our Unix socket */
const peer: Reader<string> = (node, where, place) =>
  isScalar(node) && node.value === 'unix' ? 'unix' : address(node, where, place);
const headerName = matching(/^[A-Za-z][A-Za-z0-9-]{1,63}$/, 'the name of a header');
const hostName = matching(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'the name of a host, in small letters');

/** The endpoint's own origin, and a path below it where it shares the host. */
function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url !== undefined && /^(?:localhost|127\.0\.0\.1|\[::1\])$|\.localhost$/.test(url.hostname);
  const good = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
  if (url === undefined || !good || url.username || url.password || url.search || url.hash) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" is no address of an endpoint`,
      hint: 'Write it like https://binder.hpc.example.edu (http:// only for localhost).',
    });
  }
  return url.origin + url.pathname.replace(/\/*$/, '/');
}

export type Listen = { host: string; port: number } | { path: string };

function parseListen(text: string): Listen {
  if (/^\/[^\0\n]{1,100}$/.test(text)) return { path: text };
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/i.exec(text) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536)
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  throw new HpcbinderError('E-USAGE', {
    message: `"${text}" is no address to listen at`,
    hint: 'Write HOST:PORT, or the path of a socket: 127.0.0.1:8443 or /run/hpcbinder/serve.sock',
  });
}

export type Rate = { count: number; seconds: number };

function parseRate(text: string): Rate {
  const [, count, time] = /^([1-9][0-9]{0,6}) per (.+)$/.exec(text) ?? [];
  if (count === undefined || time === undefined)
    throw new HpcbinderError('E-USAGE', { message: `"${text}" is no rate`, hint: 'Write it like 20 per 1h.' });
  return { count: Number(count), seconds: parseDuration(time) };
}

/** An identity's form; its one group is the account. Anchored at both ends: half a match is somebody else. */
function parseIdentity(text: string): RegExp {
  const bad = (why: string) =>
    new HpcbinderError('E-USAGE', {
      message: `${why}: ${text}`,
      hint: "Write it like '^([a-z][a-z0-9]*)@example\\.edu$'.",
    });
  if (!text.startsWith('^') || !text.endsWith('$')) throw bad('the pattern must begin with ^ and end with $');
  try {
    const groups = new RegExp(`${text}|`).exec('')?.length;
    if (groups !== 2) throw bad('the pattern must have exactly one group, the account');
    return new RegExp(text, 'u');
  } catch (error) {
    if (error instanceof HpcbinderError) throw error;
    throw bad('this is no regular expression');
  }
}

const time = parsed(parseDuration);
const pattern = parsed(parsePattern);
const rate = parsed(parseRate);
const count = integer(0, 1_000_000);
const resources = { time, cpus: integer(1, 65_535), memory: parsed(parseMemory), gpus: integer(0, 1024) };
const ceilings = object(resources);

const cluster = object({
  ...clusterFields,
  /** who builds for all, and where their images lie */
  builds: object({ as: account, store: path, partition: named }),
  /** the only ones that may be used, each with ceilings of its own; absent: all */
  partitions: mapOf(NAME, 'name of a partition', ceilings),
});

export const serveFile = object({
  schema: integer(1, 1),
  url: parsed(parseUrl),
  sessions: oneOf(['wildcard', 'path'] as const),
  listen: parsed(parseListen),
  tls: object({ cert: path, key: path }),
  trusted_proxies: list(address),
  state_dir: path,
  sign_in: object({
    oidc: object({
      issuer: matching(/^https?:\/\/[^\s?#]+$/, 'the address of an OpenID provider'),
      client_id: string,
      client_secret_file: path,
      scopes: list(string),
      account_claim: matching(/^[A-Za-z0-9_.:/-]{1,128}$/, 'the name of a claim'),
    }),
    header: object({
      name: headerName,
      from: list(peer),
      /** a second header, which only the proxy can send */
      secret: object({ header: headerName, file: path }),
    }),
    /** the site's own SSH login, asked for by our page: passwords pass through this process */
    ssh: object({ host: hostName, port: integer(1, 65_535), known_hosts: path }),
    /** of a login in a browser: without use, and at all; of API tokens: the longest life */
    idle: time,
    longest: time,
    tokens: time,
  }),
  accounts: object({
    map: mapOf(/^[^\u0000-\u001f]{1,254}$/, 'identity', account),
    pattern: parsed(parseIdentity),
    admins: list(account),
    /** whom somebody asks who has no account here */
    contact: string,
  }),
  act_as: oneOf(['sudo', 'self'] as const),
  clusters: mapOf(NAME, 'name of a cluster', cluster),
  repositories: object({
    allow: list(pattern),
    ban: list(pattern),
    http: boolean,
    private_hosts: list(hostName),
    /** of the site: opens private repositories to those who may sign in, or to these accounts alone */
    tokens: list(object({ match: pattern, file: path, user: string, accounts: list(account) })),
    settings: list(object({ match: pattern, sessions: count, ...resources })),
  }),
  limits: object({
    sessions: count,
    per_user: count,
    per_repository: count,
    launches: count,
    launches_per_user: count,
    builds: count,
    builds_per_user: count,
    build_age: time,
  }),
  defaults: object({ cluster: named, partition: named, app: oneOf(APPS), ...resources }),
  ceilings,
  data: mapOf(NAME, 'name of data', object({ path, at: path, cluster: named })),
  apps: list(oneOf(APPS)),
  culling: object({ idle: time, longest_idle: time, max_age: time, at_once: integer(1, 1_000_000), touch: boolean }),
  rate: object({
    launches: rate,
    resolve: rate,
    forecast: rate,
    sign_in: rate,
    requests: rate,
    connections: integer(16, 65_536),
  }),
  banner: string,
  retention: time,
});

export type ServeFile = ReturnType<typeof serveFile>;
export type ServedCluster = NonNullable<ServeFile['clusters']> extends ReadonlyMap<string, infer C> ? C : never;
