/** The user's config file (`config.yaml`): what may stand in it, read strictly. Times in seconds, memory in MiB. */
import { HpcbinderError } from './errors.ts';
import { boolean, fail, integer, list, mapOf, object, oneOf, parsed, type Reader, readYaml, string } from './schema.ts';
import { parseDuration, parseMemory } from './units.ts';

export type Bind = { from: string; to: string; readOnly: boolean };

/** `SRC[:DST[:ro]]`, absolute paths (or `~/…`, the user's home there), as `apptainer --bind` writes them. */
export function parseBind(text: string): Bind {
  const [from, to, mode, ...rest] = text.split(':');
  const path = /^(?:\/|~\/)[^\0\n,]*$/;
  const good =
    from && path.test(from) && (to === undefined || to === '' || /^\/[^\0\n,]*$/.test(to)) && rest.length === 0;
  if (!good || (mode !== undefined && mode !== 'ro' && mode !== 'rw')) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" is no bind`,
      hint: 'Write SRC[:DST[:ro]] with absolute paths and no commas.',
    });
  }
  return { from, to: to || from, readOnly: mode === 'ro' };
}

/** A number, or a range `40000-40100`, of ports that a firewall lets through. */
export function parsePorts(text: string): readonly number[] {
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!match || first < 1024 || last > 65535 || last < first || last - first > 4096) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" is no range of ports`,
      hint: 'Write it like 40000-40100.',
    });
  }
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** What a name of a cluster, partition, account … may be: no spaces, no leading dash (SECURITY INJ-02, INJ-06). */
export const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$/;
/** Who logs in: any letters, and an @ of a directory's domain; nothing that a shell or an option would read (SECURITY SSH-05, F-48). */
export const USER_NAME = /^[\p{L}\p{N}._][\p{L}\p{M}\p{N}._@+-]{0,63}$/u;
/** For messages: what `USER_NAME` allows. */
export const USER_NAME_RULE = 'letters, digits, dot, dash, underscore, plus and @; not a dash first; 64 at most';
const rooted = matching(/^\/[^\0\n]*$/, 'a path that begins with /');
/** `$HOME` and `~` in front and `$USER` as a part are filled in when the home is known; no other variable would be. */
const absolute = matching(
  /^(?:\/|~(?:\/|$)|\$HOME(?:\/|$))(?:[^\0\n$]|(?<=\/)\$USER(?=\/|$))*$/,
  'an absolute path: /…, ~/… or $HOME/…, with $USER as a part where needed',
);
function matching(grammar: RegExp, what: string): Reader<string> {
  return (node, where, place) => {
    const text = string(node, where, place);
    return grammar.test(text) ? text : fail(place, node, `"${where}" must be ${what}, not "${text}"`);
  };
}
const named: Reader<string> = (node, where, place) => {
  const text = string(node, where, place);
  return NAME.test(text) ? text : fail(place, node, `"${where}": "${text}" is no name`);
};

/** Who builds the image: hpcbinder by Binder's rules, or the upstream tool itself. */
export const BUILDERS = ['hpcbinder', 'repo2docker'] as const;
export type Builder = (typeof BUILDERS)[number];

/** Who makes the SIF of it: hpcbinder, an installed Apptainer or SingularityCE, or upstream's container. */
export const CONVERTERS = ['hpcbinder', 'apptainer', 'docker2singularity'] as const;
export type Converter = (typeof CONVERTERS)[number];

/** What speaks SSH, and for how many seconds an unused login that a person made is kept; 0: not at all. */
export const SSH_KEEP_S = 600;
const ssh = object({
  transport: oneOf(['auto', 'ssh2', 'openssh'] as const),
  keep: parsed((text) => (/^0[smh]?$/.test(text) ? 0 : parseDuration(text))),
});

/** Of the squashfs in our SIFs. zstd needs Linux 4.14 or squashfuse 0.1.101 on the nodes; gzip is mounted everywhere. */
export const COMPRESSIONS = ['zstd', 'gzip'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const imageName = matching(/^[a-z0-9][A-Za-z0-9._:/@-]*$/, 'the name of a container image');

const requestDefaults = object({
  partition: named,
  time: parsed(parseDuration),
  cpus: integer(1, 4096),
  memory: parsed(parseMemory),
  gpus: integer(0, 1024),
  gpu_type: named,
  account: named,
  qos: named,
  reservation: named,
  constraint: string,
  idle: parsed(parseDuration),
  max_age: parsed(parseDuration),
});

/** `stand_in`: no registry's image, but a Debian root under its name; part of what an environment's key is made of */
const base = object({ archive: absolute, name: string, digest: string, stand_in: boolean });

/** what `images gc` keeps where no flag says otherwise; sizes in MiB */
const images = object({ max_age: parsed(parseDuration), max_size: parsed(parseMemory) });

/** What an admin knows as well as its user: these may stand in a site's file too (core/site.ts). */
const ofSite = {
  apptainer: absolute,
  singularity: absolute,
  python: absolute,
  path: list(rooted),
  modules: list(string),
  prologue: string,
  epilogue: string,
  internet: boolean,
  state_dir: absolute,
  image_store: absolute,
  work_dir: absolute,
  binds: list(parsed(parseBind)),
  ports: parsed(parsePorts),
  bases: mapOf(/^3\.[0-9]{1,2}$/, 'Python version', base),
  compression: oneOf(COMPRESSIONS),
};
export const siteCluster = object(ofSite);

/** Of one cluster's entry: an endpoint's file has them too. */
export const clusterFields = {
  host: string,
  user: matching(USER_NAME, `a user name (${USER_NAME_RULE})`),
  port: integer(1, 65535),
  identity_file: absolute,
  known_hosts: absolute,
  jump: string,
  ssh,
  scheduler: oneOf(['slurm', 'pbs'] as const),
  ...ofSite,
  trust: list(string),
  build_partition: named,
  builder: oneOf(BUILDERS),
  converter: oneOf(CONVERTERS),
  defaults: requestDefaults,
  images,
};
const cluster = object(clusterFields);

const pip = object({ index_url: string, extra_index_urls: list(string), constraints: absolute });

const config = object({
  schema: integer(1, 1),
  default: named,
  clusters: mapOf(NAME, 'name of a cluster', cluster),
  defaults: requestDefaults,
  images,
  ssh,
  bases: mapOf(/^3\.[0-9]{1,2}$/, 'Python version', string),
  pip,
  apt_mirror: string,
  ca_bundle: absolute,
  engine: string,
  builder: oneOf(BUILDERS),
  converter: oneOf(CONVERTERS),
  repo2docker: object({ command: absolute, image: imageName }),
  browser: boolean,
});

type Read<R> = R extends Reader<infer T> ? T : never;
export type Config = Read<typeof config>;
export type ClusterEntry = Read<typeof cluster>;
export type RequestDefaults = Read<typeof requestDefaults>;

/** Throws E-CONFIG with `file:line:column` and the nearest key. */
export function parseConfig(text: string, file: string): Config {
  const result = readYaml(text, file, 'E-CONFIG', config);
  if (result.default !== undefined && !result.clusters?.has(result.default)) {
    throw new HpcbinderError('E-CONFIG', {
      message: `${file}: default names "${result.default}", which is not under clusters`,
      hint: 'hpcbinder cluster ls',
    });
  }
  for (const [name, entry] of result.clusters ?? []) {
    if (entry.host === undefined && name !== 'local')
      throw new HpcbinderError('E-CONFIG', { message: `${file}: cluster "${name}" has no host` });
  }
  return result;
}
