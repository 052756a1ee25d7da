/** A decided launch → the record, the files of its directory, the job. Keys and token are made here, and only here. */
import { randomBytes } from 'node:crypto';
import type { StoredContent, StoredSif } from '../core/arrows.ts';
import type { Checkout } from '../core/artifacts.ts';
import { sha256 } from '../core/canonical.ts';
import type { Cluster, ClusterProfile } from '../core/cluster.ts';
import type { Bind } from '../core/config.ts';
import type { JobSpec, ResourceRequest } from '../core/scheduler.ts';
import type { AppName } from '../core/session.ts';
import { namesOfCode, type Variable } from '../core/variables.ts';
import { agentSource, jobScript, pageScript } from './agent.ts';
import { makeCertificates } from './certificates.ts';
import { bindsOf } from './continue.ts';
import type { JobParameters } from './parameters.ts';
import type { SessionRecord } from './records.ts';
import { type RemoteFile, sessionsDirectory } from './remote.ts';
import { workDirectoryOf } from './work/directory.ts';

/** What the user, the site or the repository chose for the session itself. */
export type SessionSettings = {
  id: string;
  /** this machine: two directories of one name on two machines are two work directories */
  machine: string;
  app?: AppName;
  /** the path under which browsers have the app, where sessions share one origin: begins and ends with `/` (core/apps.ts, `takesWholePath`) */
  base?: string;
  binds: readonly Bind[];
  /** set inside */
  variables: readonly Variable[];
  fresh: boolean;
  limits: { idleSeconds: number; maxAgeSeconds?: number };
  /** the session that this one goes on from */
  continues?: SessionRecord;
};

export type Parts = {
  checkout: Checkout | undefined;
  content: StoredContent | undefined;
  sif: StoredSif;
  entrypoint: readonly string[];
  app: AppName;
  request: ResourceRequest;
};

export type Assembled = { record: SessionRecord; files: readonly RemoteFile[]; job: JobSpec };

/** Seconds before the end at which the user is warned. */
const WARNINGS = [900, 300, 60];
/** A job may wait this long in the queue before its certificates are too old. */
const QUEUE_SECONDS = 60 * 86_400;

export async function assemble(
  cluster: Cluster,
  settings: SessionSettings,
  parts: Parts,
  product: string,
): Promise<Assembled> {
  const { profile } = cluster;
  const { id, limits } = settings;
  const { checkout, content, sif, request, app } = parts;
  const directory = `${sessionsDirectory(profile)}/${id}`;
  const certificates = await makeCertificates(id, QUEUE_SECONDS + request.seconds);
  const binds = visibleTo(checkout, settings, profile);
  const appToken = randomBytes(32).toString('hex');
  const former = settings.continues;
  const workDirectory = former
    ? former.workDirectory
    : checkout
      ? workDirectoryOf(profile.workDir, checkout.repo, settings.machine)
      : givenDirectory(profile.workDir, sif.path);
  const parameters: JobParameters = {
    schema: 1,
    session: id,
    product,
    tls: { ca: certificates.ca, cert: certificates.server.cert, key: certificates.server.key },
    app: { name: app, token: appToken, ...(settings.base ? { base: settings.base } : {}) },
    container: {
      command: profile.container.command,
      flavor: profile.container.flavor,
      sif: sif.path,
      ...(sif.receipt.bytes > 0 ? { bytes: sif.receipt.bytes, sha256: sif.receipt.sha256 } : {}),
      ...(sif.seal ? { seal: sif.seal } : {}),
      gpu: request.gpus > 0 ? 'auto' : 'none',
      binds,
      env: [['OMP_NUM_THREADS', String(request.cpus)], ...settings.variables],
      allowed: namesOfCode(settings.variables),
    },
    entrypoint: parts.entrypoint,
    work: workOf(workDirectory, settings, content, sif),
    limits: { ...limits, walltimeSeconds: request.seconds, warnSeconds: WARNINGS },
    ports: profile.ports,
    internet: profile.internet ?? null,
  };
  const record: SessionRecord = {
    schema: 1,
    id,
    cluster: profile.name,
    createdAt: new Date().toISOString(),
    phase: 'submitting',
    repo: shownRepo(checkout, sif),
    ...(content ? { content: content.id } : {}),
    key: sif.receipt.key,
    sif: sif.path,
    directory,
    workDirectory,
    app,
    request,
    binds,
    limits,
    ...(settings.variables.length > 0 ? { variables: settings.variables } : {}),
    ...(former ? { originId: former.originId ?? former.id } : {}),
    ...(former?.localPort ? { localPort: former.localPort } : {}),
    secrets: {
      ca: certificates.ca,
      clientCert: certificates.client.cert,
      clientKey: certificates.client.key,
      appToken,
      // an open tab has a cookie under it
      cookieKey: former?.secrets.cookieKey ?? randomBytes(32).toString('hex'),
    },
  };
  const files: RemoteFile[] = [
    { name: 'session.json', mode: 0o600, text: `${JSON.stringify(record)}\n` },
    { name: 'job.json', mode: 0o600, text: `${JSON.stringify(parameters)}\n` },
    { name: 'job.sh', mode: 0o700, text: jobScript() },
    { name: 'agent.py', mode: 0o600, text: agentSource() },
    { name: 'page.js', mode: 0o600, text: pageScript() },
    { name: 'python', mode: 0o600, text: `${profile.python}\n` },
    { name: 'prologue.sh', mode: 0o600, text: profile.prologue },
    { name: 'epilogue.sh', mode: 0o600, text: profile.epilogue },
  ];
  return { record, files, job: { tag: id, directory, request, comment: product, log: 'job.log' } };
}

/** Of an image without a repository: its name, and 6 hex of its path, for two images may have one name. */
function givenDirectory(base: string, path: string): string {
  const name = (path.split('/').pop() ?? '')
    .replace(/\.sif$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .slice(0, 40);
  return `${base}/given/${name || 'image'}-${sha256(path).slice(0, 6)}`;
}

/** What the user or the site named; a repository on the site's or user's `trust` list also gets home and scratch (DESIGN 15). */
function visibleTo(checkout: Checkout | undefined, settings: SessionSettings, profile: ClusterProfile): Bind[] {
  const repo = checkout?.repo;
  const trusted = repo?.kind === 'git' && profile.trust.includes(`${repo.host}/${repo.path}`);
  const whole = trusted ? [profile.home, profile.scratch].filter((path) => path !== undefined) : [];
  const there = (path: string) => path.replace(/^~(?=\/|$)/, () => profile.home);
  const all: readonly Bind[] = [
    ...whole.map((path) => ({ from: path, to: path, readOnly: false })),
    ...bindsOf(settings.continues, profile),
    ...profile.binds,
    ...settings.binds,
  ];
  // of several for one place the last: what the user says goes before what the entry says
  const byPlace = new Map(all.map((bind) => [there(bind.to), { ...bind, from: there(bind.from), to: there(bind.to) }]));
  return [...byPlace.values()];
}

function workOf(
  directory: string,
  settings: SessionSettings,
  content: StoredContent | undefined,
  sif: StoredSif,
): JobParameters['work'] {
  return {
    directory,
    content: content?.content ?? null,
    git: content?.git ?? null,
    id: content?.id ?? `image:${sif.receipt.key}`,
    short: content?.id.split(':')[1]?.slice(0, 7) ?? 'image',
    fresh: settings.fresh,
    imageHasContent: sif.receipt.contentInImage,
    session: settings.id,
    ended: settings.continues ? [settings.continues.id] : [],
    exact: settings.continues !== undefined,
  };
}

function shownRepo(checkout: Checkout | undefined, sif: StoredSif): SessionRecord['repo'] {
  if (!checkout) return { shown: sif.path };
  const { repo } = checkout;
  if (repo.kind === 'local')
    return {
      shown: repo.path.replace(/^.*\/(?=[^/]+\/?$)/, './'),
      url: repo.path,
      ...(repo.commit ? { commit: repo.commit } : {}),
    };
  return {
    shown: repo.host === 'github.com' ? repo.path : `${repo.host}/${repo.path}`,
    url: repo.url,
    commit: repo.commit,
    ...(repo.ref ? { ref: repo.ref } : {}),
  };
}
