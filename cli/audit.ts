/** `audit`: tries to get into a session as somebody else would, and tells what it tried. Exit 1 where something opened. */
import type { Cluster } from '../core/cluster.ts';
import { orThrow, textOf } from '../core/command.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import { ask, readAll } from '../core/transport.ts';
import { endInWords } from '../sessions/advance.ts';
import { auditHost, auditNode, type Secrets, secretsOf, type Tried } from '../sessions/audit.ts';
import { auditDoor } from '../sessions/audit-door.ts';
import { openApp } from '../sessions/control.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { auditHere } from './audit-here.ts';
import { auditProxy } from './audit-proxy.ts';
import { clusterOf, findLocal, freshRecord } from './find.ts';
import type { Flags } from './flags.ts';
import { refreshed } from './refresh.ts';
import { padTo, plain } from './terminal.ts';
import { relaunchOf, shortId } from './words.ts';
import { toAgent } from './world.ts';

type Part = { where: string; tried: readonly Tried[] };

/** Said each time: what a try with one's own id cannot show. */
const CANNOT = [
  "another user's id: what needs one was judged by modes, owners and folders",
  'root, and whoever holds the network between the machines: only what is sent is protected there',
  'environments and memory of processes: they are closed to other ids by the system',
  'nodes that the job does not run on, and Unix sockets without a name in the file system',
];

export async function audit(id: string, flags: Flags): Promise<number> {
  const found = findLocal(id);
  if (found.phase === 'ended')
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${shortId(found.id)} is over: ${endInWords(found.ended?.why ?? 'lost')}`,
      hint: `An audit needs a running one: ${relaunchOf(found)}`,
    });
  const json = flags.json === true;
  const cluster = await clusterOf(found);
  try {
    const record = await refreshed(cluster, await freshRecord(cluster, found));
    const secrets = await secretsIn(cluster, record);
    const parts: Part[] = [];
    for await (const part of tries(cluster, record, secrets)) {
      const shown = { where: part.where, tried: part.tried.map((each) => redacted(each, secrets)) };
      parts.push(shown);
      if (!json) process.stdout.write(plain(section(shown)));
    }
    const open = parts.flatMap(({ tried }) => tried).filter(({ result }) => result === 'open').length;
    if (json) process.stdout.write(`${JSON.stringify({ session: record.id, open, parts, cannot: CANNOT })}\n`);
    else process.stdout.write(plain(summary(record, parts, open)));
    return open > 0 ? 1 : 0;
  } finally {
    await cluster.transport[Symbol.asyncDispose]();
  }
}

async function* tries(cluster: Cluster, record: SessionRecord, secrets: Secrets): AsyncGenerator<Part> {
  const { profile, transport, scheduler } = cluster;
  const connect = toAgent(cluster, record);
  yield { where: 'this machine: its copy of the record', tried: auditHere(record) };
  const asked = {
    secrets,
    directory: record.directory,
    private: [profile.stateDir, record.workDirectory],
    commands: record.jobId === undefined ? [] : scheduler.shownToAll(record.jobId),
  };
  yield await part(`${profile.host}: processes, files, what the scheduler tells`, async () =>
    orThrow(await ask(transport, auditHost(profile.python, asked))),
  );
  if (record.phase !== 'ready') {
    const seen = `the session is ${record.phase}: its app is not there yet`;
    yield { where: 'the node, and the way to the app', tried: [{ what: 'all of it', result: 'not tried', seen }] };
    return;
  }
  yield await part(`${record.address?.host}: the agent's port ${record.address?.port}, from ${profile.host}`, () =>
    auditDoor(connect, record.id, record.secrets),
  );
  yield await part(`${record.address?.host}: as its agent sees the node`, () =>
    auditNode(connect, record.id, record.secrets, { secrets }),
  );
  const route = {
    sessionId: record.id,
    connectApp: () => openApp(connect, record.id, record.secrets),
    appToken: record.secrets.appToken,
    cookieKey: record.secrets.cookieKey,
    state: () => 'ready' as const,
    words: () => ({ repo: '', work: '', relaunch: '' }),
  };
  yield await part("this machine: the browser's side", () => auditProxy(route, record.localPort));
}

/** A part that fails is told; the others go on. */
async function part(where: string, run: () => Promise<readonly Tried[]>): Promise<Part> {
  try {
    return { where, tried: await run() };
  } catch (error) {
    return { where, tried: [{ what: 'all of it', result: 'not tried', seen: asHpcbinderError(error).message }] };
  }
}

async function secretsIn(cluster: Cluster, record: SessionRecord): Promise<Secrets> {
  const job = await readAll(cluster.transport, `${record.directory}/job.json`).catch(() => undefined);
  return secretsOf(record, job === undefined ? undefined : textOf(job));
}

/** The words are ours and names of files; should one hold a secret all the same, it is not printed. */
function redacted(tried: Tried, secrets: Secrets): Tried {
  const hide = (text: string) =>
    Object.entries(secrets).reduce(
      (shown, [name, secret]) => shown.replaceAll(secret, `(the ${name})`),
      harmless(text),
    );
  return { ...tried, what: hide(tried.what), seen: hide(tried.seen) };
}

const MARKS: Readonly<Record<Tried['result'], string>> = {
  closed: 'closed',
  open: 'OPEN',
  note: 'note',
  'not tried': 'not tried',
};

function section({ where, tried }: Part): string {
  const rows = tried.map(({ what, result, seen }) => `  ${padTo(MARKS[result], 9)}  ${what}: ${seen}\n`);
  return `${where}\n${rows.join('')}\n`;
}

function summary(record: SessionRecord, parts: readonly Part[], open: number): string {
  const all = parts.flatMap(({ tried }) => tried);
  const skipped = all.filter(({ result }) => result === 'not tried').length;
  const cannot = CANNOT.map((each) => `  ${each}\n`).join('');
  const verdict =
    open === 0
      ? 'nothing opened'
      : `${open} OPEN: close what is marked, or stop the session (hpcbinder stop ${shortId(record.id)})`;
  return `cannot be tried from here\n${cannot}\n${shortId(record.id)}: ${all.length} tried, ${skipped} of them not possible; ${verdict}\n`;
}
