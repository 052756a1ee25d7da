/** A launch link and what it means: `/v2/<provider>/<spec>?urlpath=…&gpus=1`. Nothing starts by it; policy judges it later. */
import { NAME } from '../../core/config.ts';
import type { LaunchWanted } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { APPS } from '../../core/session.ts';
import { hasControls, nearest } from '../../core/text.ts';
import { parseDuration, parseMemory } from '../../core/units.ts';
import {
  checkProvider,
  decodeOnce,
  type LinkedRepo,
  type Provider,
  readSpec,
  refuse,
  type SpecOptions,
  shownText,
} from './spec.ts';
import { appOfPath, targetPath } from './target.ts';
import { linkOf, REPO_PARTS } from './written.ts';

/** Where links are read below another path than `/`: `https://host/binder/v2/…`. */
export type LinkOptions = SpecOptions & { base?: string };

export type ReadLink = {
  wanted: LaunchWanted;
  /** parameters that mean nothing here, or that a link may not say (`env`, `account`, `mount`): listed on the page (WEB-06) */
  ignored: readonly string[];
};

const CHOICES = ['cluster', 'partition', 'time', 'cpus', 'mem', 'gpus', 'app', 'data', 'idle'] as const;
const TARGETS = ['urlpath', 'labpath', 'filepath'] as const;
/** of the event stream, read there */
const OF_THE_BUILD = ['build_token', 'build_only'];

/** Throws E-LINK. */
export function parseLink(
  link: URL | { provider: string; spec: string; query?: URLSearchParams },
  options: LinkOptions = {},
): LaunchWanted {
  return readLink(link, options).wanted;
}

/** As `parseLink`, with what was not heard. `spec`: as in `LaunchWanted`, decoded already. */
export function readLink(
  link: URL | { provider: string; spec: string; query?: URLSearchParams },
  options: LinkOptions = {},
): ReadLink {
  const { provider, spec } = link instanceof URL ? ofPath(link.pathname, options.base ?? '/') : link;
  const query = (link instanceof URL ? link.searchParams : link.query) ?? new URLSearchParams();
  readSpec(provider, spec, options);
  return { wanted: { provider, spec: spec.replace(/\/+$/, ''), ...choices(query) }, ignored: ignored(query) };
}

/** The repository that is meant: what git is given. Throws E-LINK. */
export function repoOf(wanted: Pick<LaunchWanted, 'provider' | 'spec'>, options: SpecOptions = {}): LinkedRepo {
  return readSpec(wanted.provider, wanted.spec, options);
}

/** The raw path, each part decoded once. */
function ofPath(pathname: string, base: string): { provider: Provider; spec: string } {
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  const [, word, ...parts] = /^\/?(v2|build)\/(.*)$/.exec(below) ?? [];
  const [prefix = '', ...rest] = (parts[0] ?? '').replace(/\/+$/, '').split('/');
  if (word === undefined)
    refuse(`"${shownText(pathname)}" is no launch link`, 'Write /v2/PROVIDER/REPOSITORY/REF, as /v2/gh/org/repo/HEAD.');
  const provider = checkProvider(decodeOnce(prefix));
  const encoded = provider === 'gl' || provider === 'git';
  const decoded = rest.map((part, index) => {
    const text = decodeOnce(part);
    if (index >= REPO_PARTS[provider]) return text;
    if (encoded) return encodeURIComponent(text);
    if (text.includes('/'))
      refuse(`"${shownText(part)}" is no part of a repository's name`, 'Write /v2/gh/USER/REPOSITORY/REF.');
    return text;
  });
  return { provider, spec: decoded.join('/') };
}

function choices(query: URLSearchParams): Partial<LaunchWanted> {
  const one = (name: string): string | undefined => {
    const all = query.getAll(name);
    if (all.length > 1) refuse(`the link says ${name} ${all.length} times`, 'Say it once.');
    const [value] = all;
    if (value !== undefined && hasControls(value))
      refuse(`${name} has control characters in it`, 'Write the link anew by hand.');
    return value === '' ? undefined : value;
  };
  if (query.get('build_only') === 'true')
    refuse('build_only is not offered here', 'An image is built for whoever launches it: leave build_only out.');
  const gpus = one('gpus');
  const data = one('data');
  const target = targetPath(present({ urlpath: one('urlpath'), labpath: one('labpath'), filepath: one('filepath') }));
  return present({
    cluster: name('cluster', one('cluster')),
    partition: name('partition', one('partition')),
    seconds: read('time', one('time'), parseDuration),
    memoryMb: read('mem', one('mem'), parseMemory),
    cpus: read('cpus', one('cpus'), (text) => whole(text, 1, 65_535)),
    ...(gpus === undefined ? {} : read('gpus', gpus, parseGpus)),
    idleSeconds: read('idle', one('idle'), parseDuration),
    app: read('app', one('app'), (text) => {
      const found = APPS.find((app) => app === text);
      const near = nearest(text, APPS);
      return (
        found ??
        refuse(`there is no app "${shownText(text)}"`, near ? `Did you mean ${near}?` : `Apps: ${APPS.join(', ')}.`)
      );
    }),
    data: data === undefined ? undefined : data.split(',').map((word) => name('data', word) ?? ''),
    ...begins(target, one('app') === undefined),
  });
}

/** Links of mybinder.org name RStudio and Shiny by the page to begin with; a link that says `app` has chosen itself. */
function begins(path: string | undefined, mayChoose: boolean): Partial<LaunchWanted> {
  const found = path !== undefined && mayChoose ? appOfPath(path) : undefined;
  return present({ app: found?.app, path: found ? found.path : path });
}

/** `2`, or `a100:2`. */
function parseGpus(text: string): { gpus: number; gpuType?: string } {
  const [, type, count = ''] = /^(?:([A-Za-z0-9_.-]{1,64}):)?([0-9]{1,4})$/.exec(text) ?? [];
  const gpus = whole(count, 0, 1024);
  return { gpus, ...(type === undefined ? {} : { gpuType: type }) };
}

function whole(text: string, least: number, most: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new HpcbinderError('E-USAGE', {
    message: 'it is out of range',
    hint: `Write a whole number from ${least} to ${most}.`,
  });
}

function name(what: string, text: string | undefined): string | undefined {
  if (text === undefined || NAME.test(text)) return text;
  return refuse(`${what}="${shownText(text)}" is no name`, 'Letters, digits, dot, dash and underscore.');
}

function read<T>(what: string, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof HpcbinderError) || error.code === 'E-LINK') throw error;
    return refuse(`${what}="${shownText(text)}" cannot be meant`, error.hint ?? 'Leave it out.');
  }
}

function ignored(query: URLSearchParams): string[] {
  const known: readonly string[] = [...CHOICES, ...TARGETS, ...OF_THE_BUILD];
  return [...new Set(query.keys())]
    .filter((key) => !known.includes(key))
    .slice(0, 20)
    .map(shownText);
}

function present<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Of `/repo/USER/REPOSITORY[/path]`, as of before 2018: where it leads now, relative to the endpoint's base (REES row 132). */
export function legacyTarget(pathname: string, options: Pick<LinkOptions, 'base'> = {}): string {
  const base = options.base ?? '/';
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  const [user = '', repo = '', ...rest] = below
    .replace(/^\/?repo\//, '')
    .replace(/\/+$/, '')
    .split('/')
    .map(decodeOnce);
  const wanted = parseLink({ provider: 'gh', spec: `${user}/${repo}/master` });
  // as a file's name it is encoded; the parameter is a page of the app
  const path = rest.length === 0 ? undefined : targetPath({ urlpath: `/${rest.map(encodeURIComponent).join('/')}` });
  return linkOf({ ...wanted, ...(path === undefined ? {} : { path }) });
}
