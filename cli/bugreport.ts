/**
 * `bugreport`: what somebody else needs to understand a failure, in one file that its owner can read before it is sent
 * (SECURITY TOK-08). What this machine has; what the cluster adds where it answers in time.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir, hostname, release, userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { Cluster } from '../core/cluster.ts';
import { textOf } from '../core/command.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import { matchIds } from '../core/ids.ts';
import { secretVariables } from '../core/redact.ts';
import { SERVER_LOG } from '../core/scheduler.ts';
import { harmless } from '../core/text.ts';
import { readAll } from '../core/transport.ts';
import { size } from '../core/units.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { configPath, loadConfig } from './config-file.ts';
import { chooseCluster, connectCluster } from './connect.ts';
import { failures } from './failure-log.ts';
import { findLocal } from './find.ts';
import type { Flags } from './flags.ts';
import { knownText } from './known-clusters.ts';
import { contents, type Hiding, type Part, reportText } from './report.ts';
import { plain } from './terminal.ts';
import { PRODUCT } from './version.ts';
import { shortId, shownRecord } from './words.ts';
import { localRecords } from './world.ts';

/** For the cluster and for the engine; a report must come also where both hang. */
const CLUSTER_MS = 20_000;
const ENGINE_MS = 3_000;
const REMOTE_FILES = ['job.log', 'agent.log', 'app.log', SERVER_LOG, 'end.json', 'work.json'];
/** No log of a session is longer. */
const MOST_REMOTE = 12 << 20;

export async function bugreport(wanted: string | undefined, flags: Flags): Promise<number> {
  const id = chosen(wanted);
  const record = localRecords()
    .all()
    .find((each) => each.id === id);
  const path = typeof flags.output === 'string' ? flags.output : fileName(id);
  if (flags.dryRun !== true && path !== '-') mustBeNew(path);
  const parts = [
    await about(),
    ...here(id, record),
    ...(record?.jobId === undefined ? [] : await there(record, flags.offline === true)),
  ];
  const text = `${HEAD}\n\n${reportText(parts, hidingOf(record, flags.anonymous === true))}`;
  if (flags.dryRun !== true && path !== '-') writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  if (flags.dryRun !== true && path === '-') process.stdout.write(text);
  const list = contents(parts);
  const bytes = Buffer.byteLength(text);
  if (flags.json && path !== '-') {
    const file = flags.dryRun ? undefined : resolve(path);
    process.stdout.write(`${JSON.stringify({ type: 'bugreport', id, file, bytes, parts: list })}\n`);
    return 0;
  }
  const lines = [
    ...list.map((each, n) => `${(n === 0 ? 'in it' : '').padEnd(10)}${harmless(each)}`),
    ...(flags.dryRun || path === '-'
      ? [`${'size'.padEnd(10)}${size(bytes)}`]
      : [`${'written'.padEnd(10)}${path} (${size(bytes)})`]),
    `${'look'.padEnd(10)}Secrets were taken out where they are known or look like one: read it before`,
    `${''.padEnd(10)}you send it.${flags.anonymous ? '' : ' --anonymous takes out names of people and hosts, too.'}`,
  ];
  process.stderr.write(plain(`${lines.join('\n')}\n`));
  return 0;
}

const HEAD = `Bug report of ${PRODUCT}. Made on its owner's machine, sent to nobody. "<hidden>" stands for what was taken out.`;

/** That of the words, else the newest launch. */
function chosen(wanted: string | undefined): string | undefined {
  const records = localRecords();
  const stories = records.stories();
  if (wanted === undefined) return stories.sort((a, b) => records.toldAt(b) - records.toldAt(a))[0];
  const ids = matchIds(wanted, stories);
  // where none or several fit, this says so
  return ids.length === 1 ? ids[0] : findLocal(wanted).id;
}

function fileName(id: string | undefined): string {
  return `hpcbinder-report-${id === undefined ? new Date().toISOString().slice(0, 10) : shortId(id)}.txt`;
}

function mustBeNew(path: string): void {
  if (!existsSync(path)) return;
  throw new HpcbinderError('E-USAGE', {
    message: `${path} is there already`,
    hint: 'Name another file with --output, or - for the terminal.',
  });
}

async function about(): Promise<Part> {
  const { locale } = Intl.DateTimeFormat().resolvedOptions();
  const rows = [
    ['hpcbinder', PRODUCT],
    ['node', process.version],
    ['system', `${process.platform} ${release()} ${process.arch}`],
    ['engine', await engineInWords()],
    [
      'terminal',
      `${process.env.TERM ?? 'none'}, ${process.stderr.isTTY ? `${process.stderr.columns} columns` : 'no terminal'}, ${locale}`,
    ],
    ['variables', ourVariables().join(' ') || 'none of ours'],
  ];
  return { title: 'versions', text: rows.map(([name = '', value]) => `${name.padEnd(10)} ${value}`).join('\n') };
}

/** Their names only: what they hold is nobody's business. */
function ourVariables(): string[] {
  return Object.keys(process.env).filter((name) =>
    /^(?:HPCBINDER_|XDG_|SSH_AUTH_SOCK$|DOCKER_|CONTAINER_|PIP_|https?_proxy$|no_proxy$|NO_COLOR$|LC_ALL$|LANG$)/i.test(
      name,
    ),
  );
}

async function engineInWords(): Promise<string> {
  try {
    const { findEngine } = await import('../images/find.ts');
    const { engine: socket } = loadConfig();
    const engine = await within(findEngine(socket ? { socket } : {}), ENGINE_MS, 'it does not answer');
    return `${engine.kind} ${engine.version}, ${engine.platform}`;
  } catch (error) {
    return `none: ${asHpcbinderError(error).message}`;
  }
}

/** What this machine has, with no network. */
function here(id: string | undefined, record: SessionRecord | undefined): Part[] {
  const cluster = record?.cluster ?? attempt(() => chooseCluster(loadConfig(), undefined)?.name);
  const config = existsSync(configPath()) ? readFileSync(configPath(), 'utf8') : undefined;
  const none = { why: 'no launch left any here' };
  return [
    {
      title: `story of ${id ?? 'a launch'}: events, plan, failure`,
      text: id === undefined ? undefined : localRecords().log(id),
      ...none,
    },
    {
      title: 'session record',
      text: record && JSON.stringify(shownRecord(record), undefined, 1),
      why: 'the launch did not become a session',
    },
    { title: 'failures that belong to no launch', text: failures()?.text },
    { title: 'configuration', text: config, why: 'there is no config file' },
    {
      title: `cluster ${cluster ?? ''} as last seen`,
      text: cluster === undefined ? undefined : knownText(cluster),
      why: 'it was not looked at from here yet',
    },
  ];
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** What the session's directory has, without a question to any person. */
async function there(record: SessionRecord, offline: boolean): Promise<Part[]> {
  const title = (name: string) => `${name} on ${record.cluster}`;
  const none = (why: string) => REMOTE_FILES.slice(0, 3).map((name) => ({ title: title(name), text: undefined, why }));
  if (offline) return none('not asked (--offline)');
  let cluster: Cluster | undefined;
  try {
    const choice = chooseCluster(loadConfig(), record.cluster);
    if (!choice) return none('the cluster is no longer in the config');
    const connecting = connectCluster(choice, undefined, { offers: false });
    connecting
      .then((found) => {
        cluster = found;
      })
      .catch(() => {});
    return await within(
      connecting.then((found) =>
        Promise.all(
          REMOTE_FILES.map(async (name) => ({
            title: title(name),
            text: await tail(found, `${record.directory}/${name}`),
          })),
        ),
      ),
      CLUSTER_MS,
      'it did not answer in time',
    );
  } catch (error) {
    return none(`the cluster was asked: ${asHpcbinderError(error).message}`);
  } finally {
    await cluster?.transport[Symbol.asyncDispose]();
  }
}

async function tail({ transport }: Cluster, path: string): Promise<string | undefined> {
  const bytes = await readAll(transport, path, MOST_REMOTE).catch(() => undefined);
  return bytes === undefined ? undefined : textOf(bytes);
}

function within<T>(coming: Promise<T>, ms: number, why: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new HpcbinderError('E-SSH-UNREACHABLE', { message: why, transient: true });
    const timer = setTimeout(() => reject(late), ms);
    coming.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Of every session: a story may tell of another one. */
function hidingOf(record: SessionRecord | undefined, anonymous: boolean): Hiding {
  const sessions = localRecords()
    .all()
    .flatMap(({ secrets, variables }) => [
      ...Object.values(secrets ?? {}),
      ...secretVariables(Object.fromEntries(variables ?? [])),
    ]);
  const secrets = [...sessions, ...secretVariables(process.env)].filter((each) => typeof each === 'string');
  return { secrets, names: anonymous ? namesOf(record) : new Map() };
}

function namesOf(record: SessionRecord | undefined): Map<string, string> {
  const { username } = userInfo();
  const names = new Map([
    [homedir(), '~'],
    [username, 'USER'],
    [hostname(), 'HERE'],
  ]);
  let n = 0;
  for (const [name, entry] of attempt(loadConfig)?.clusters ?? []) {
    n++;
    names.set(name, `CLUSTER${n}`);
    if (entry.host) names.set(entry.host, `HOST${n}`);
    if (entry.user) names.set(entry.user, `USER${n}`);
  }
  const known = attempt(() => JSON.parse(knownText(record?.cluster ?? '') ?? '{}') as { workDir?: string });
  const home = /^(\/.+?\/([^/]+))\/hpcbinder$/.exec(known?.workDir ?? '');
  if (home?.[1] && home[2]) names.set(home[1], '~').set(home[2], 'USER');
  if (record?.address) names.set(record.address.host, 'NODE');
  return names;
}
