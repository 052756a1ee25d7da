/** `uninstall`: all that lies on a cluster, listed with sizes, and removed after a question. Work is kept unless asked for. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { ask } from '../core/transport.ts';
import { size } from '../core/units.ts';
import { cancelJob } from '../jobs/cancel.ts';
import { type Cleared, clear } from '../sessions/storage/clear.ts';
import { type Inventory, inventoryOf } from '../sessions/storage/inventory.ts';
import { listWork, removeWork, type WorkEntry } from '../sessions/work/manage.ts';
import { removeClusterEntry } from './config-file.ts';
import type { Choice } from './connect.ts';
import type { Flags } from './flags.ts';
import { totalsOf } from './images.ts';
import { Interrupts } from './interrupts.ts';
import { Moving } from './moving.ts';
import { confirm, plain } from './terminal.ts';
import { forgetHere, leftHere } from './uninstall-here.ts';
import { withCluster } from './with-cluster.ts';
import { shortId } from './words.ts';

/** Slurm waits half a minute between its TERM and its KILL where nothing else is set. */
const END_MS = 120_000;

type There = { found: Inventory; work: readonly WorkEntry[] };

/** Idempotent: run again it goes on where it was cut off, and says at last that nothing is there. */
export function uninstall(name: string, flags: Flags): Promise<number> {
  return withCluster({ ...flags, cluster: name }, `uninstall ${name}`, async (cluster, choice) => {
    const interrupts = new Interrupts();
    using moving = new Moving({ quiet: flags.json === true });
    try {
      const { signal } = interrupts;
      let there = await look(cluster, moving, signal);
      if (!flags.json) process.stdout.write(plain(`${shown(cluster, there, flags).join('\n')}\n`));
      if (flags.dryRun) return said(cluster, there, undefined, flags);
      if (there.found.live.size > 0) {
        if (!flags.stop) throw stillLive(cluster, there.found);
      }
      const work = flags.withWork ? ' AND YOUR WORK' : '';
      await confirm(`Remove this from ${cluster.profile.host}${work}?`, { yes: flags.yes === true, flag: '--yes' });
      if (there.found.live.size > 0) {
        await stopAll(cluster, there.found, moving, signal);
        there = await look(cluster, moving, signal);
      }
      const things = there.found.things.filter(({ own }) => own);
      const tell = (done: number, bytes: number) => moving.tell(`${done} of ${things.length} removed, ${size(bytes)}`);
      if (flags.withWork) await removeAll(cluster, there.work, moving, signal);
      const cleared = await clear(cluster, things, { on: tell, signal, hollow: hollowOf(cluster, flags) });
      moving[Symbol.dispose]();
      return await finished(cluster, choice, there, cleared, flags);
    } catch (error) {
      if (!interrupts.aborted) throw error;
      throw new HpcbinderError('E-CANCELLED', {
        message: `stopped half-way: what was removed is removed; hpcbinder uninstall ${name} goes on`,
      });
    } finally {
      interrupts.dispose();
    }
  });
}

async function look(cluster: Cluster, moving: Moving, signal: AbortSignal): Promise<There> {
  const { profile, transport } = cluster;
  const on = (count: number) => moving.tell(`looking at ${profile.host}: ${count} found`);
  const all = await inventoryOf(cluster, { on, signal });
  const found = { ...all, live: lyingHere(all.live, all) };
  const work = orThrow(await ask(transport, listWork(profile.python, profile.workDir), signal));
  moving[Symbol.dispose]();
  return { found, work };
}

/** Of the living jobs those that have something here: another entry of this host may name other directories. */
function lyingHere(live: Inventory['live'], { things }: Pick<Inventory, 'things'>): Inventory['live'] {
  const here = new Set(things.flatMap(({ name, job }) => (job === undefined ? [name] : [name, job])));
  return new Map([...live].filter(([id]) => here.has(id)));
}

/** What lies where, how large, and what becomes of it. */
function shown({ profile }: Cluster, { found, work }: There, flags: Flags): string[] {
  const totals = totalsOf(found);
  const line = (word: string, what: string, where: string) => `${word.padEnd(10)}${what.padEnd(34)}${where}`;
  const counted = ({ count, bytes }: { count: number; bytes: number }, one: string, many: string) =>
    `${count} ${count === 1 ? one : many}, ${size(bytes)}`;
  const part = (group: { count: number; bytes: number }, one: string, many: string, where: string) =>
    group.count === 0 ? [] : [line('goes', counted(group, one, many), where)];
  const foreign = found.things.filter(({ own }) => !own).length;
  const bytes = work.reduce((sum, entry) => sum + (entry.bytes ?? 0), 0);
  const lines = [
    ...part(totals.images, 'image', 'images', profile.imageStore),
    ...part(totals.contents, 'packed content', 'packed contents', `${profile.imageStore}/contents`),
    ...part(totals.leftovers, 'leftover', 'leftovers', profile.imageStore),
    ...part(totals.sessions, 'session’s directory', 'sessions’ directories', `${profile.stateDir}/sessions`),
    ...(foreign === 0 ? [] : [line('stays', `${foreign} of other users`, profile.imageStore)]),
    ...work.map(({ directory, bytes: one, session }) =>
      line(
        flags.withWork ? 'goes' : 'stays',
        `work, ${one === undefined ? '?' : size(one)}${session ? `, used by ${shortId(session)}` : ''}`,
        directory,
      ),
    ),
    ...[...found.live].map(([id, job]) =>
      line(flags.stop ? 'ends' : 'lives', `session ${shortId(id)}, job ${job}`, ''),
    ),
  ];
  if (lines.length === 0) return [`nothing of hpcbinder lies on ${profile.host}`];
  if (work.length > 0 && !flags.withWork)
    lines.push(`${' '.repeat(10)}work is kept, ${size(bytes)}: --with-work removes it too`);
  return lines;
}

function stillLive({ profile }: Cluster, { live }: Inventory): HpcbinderError {
  const ids = [...live.keys()].map(shortId).join(', ');
  return new HpcbinderError('E-SESSION-STATE', {
    message: `${live.size} ${live.size === 1 ? 'session lives' : 'sessions live'} on ${profile.host}: ${ids}`,
    hint: 'End them first (hpcbinder stop ID), or let this do it: --stop',
  });
}

/** By the scheduler, sessions and builds alike: the agent is told, ends the app in order and tidies its node. */
async function stopAll(cluster: Cluster, found: Inventory, moving: Moving, signal: AbortSignal): Promise<void> {
  const { profile, transport, scheduler } = cluster;
  const stillLiving = async () =>
    lyingHere(orThrow(await ask(transport, scheduler.unfinished(profile.uid), signal)), found);
  const told = new Set<string>();
  const until = Date.now() + END_MS;
  for (let { live: left } = found; left.size > 0; left = await stillLiving()) {
    // a second job of one name begins when the first is over
    for (const [tag, id] of left) if (!told.has(id)) await cancelJob(transport, scheduler, { id, tag });
    for (const job of left.values()) told.add(job);
    if (Date.now() > until) {
      throw new HpcbinderError('E-SESSION-STATE', {
        message: `${left.size} of the jobs on ${profile.host} are still ending`,
        hint: `Run it again in a few minutes: hpcbinder uninstall ${profile.name} --stop`,
        transient: true,
      });
    }
    moving.tell(`${left.size} still ending`);
    await wait(1_000, undefined, { signal });
  }
}

async function removeAll(
  cluster: Cluster,
  work: readonly WorkEntry[],
  moving: Moving,
  signal: AbortSignal,
): Promise<void> {
  const { profile, transport } = cluster;
  for (const { directory } of work) {
    moving.tell(`removing ${directory}`);
    orThrow(await ask(transport, removeWork(profile.python, profile.workDir, directory), signal));
  }
}

/** What is empty then: the directories themselves, and the one above them where it has our name. */
function hollowOf({ profile }: Cluster, flags: Flags): string[] {
  const { imageStore, stateDir, workDir } = profile;
  const above = imageStore.replace(/\/[^/]+$/, '');
  return [
    ...['contents', 'builds', 'tmp'].map((name) => `${imageStore}/${name}`),
    imageStore,
    ...(above.endsWith('/hpcbinder') ? [above] : []),
    stateDir,
    ...(flags.withWork ? [workDir] : []),
  ];
}

async function finished(
  cluster: Cluster,
  choice: Choice,
  there: There,
  cleared: Cleared,
  flags: Flags,
): Promise<number> {
  const { host } = cluster.profile;
  // what stays of ours needs its entry: whoever comes back finds it by that
  const whole = cleared.kept.length === 0;
  const here = whole
    ? { records: forgetHere(choice.name), entry: choice.saved && (await removeClusterEntry(choice.name)) }
    : undefined;
  if (flags.json) return said(cluster, there, { ...cleared, ...here, whole }, flags);
  process.stderr.write(plain(`removed   ${cleared.count} things, ${size(cleared.bytes)} freed on ${host}\n`));
  for (const { name, why } of cleared.kept.slice(0, 20)) process.stderr.write(plain(`kept      ${name}: ${why}\n`));
  for (const path of cleared.left.slice(0, 20)) process.stderr.write(plain(`not ours  ${host}:${path}\n`));
  if (here?.entry)
    process.stderr.write(
      plain(`forgot    cluster "${choice.name}" and ${here.records} sessions of it on this machine\n`),
    );
  if (!flags.withWork && there.work.length > 0)
    process.stderr.write(plain(`your work is kept: ${host}:${cluster.profile.workDir}\n`));
  for (const line of leftHere()) process.stderr.write(plain(`${line}\n`));
  return whole ? 0 : 1;
}

function said(cluster: Cluster, { found, work }: There, done: unknown, flags: Flags): number {
  if (flags.json) {
    const { host, imageStore, stateDir, workDir } = cluster.profile;
    const all = {
      host,
      imageStore,
      stateDir,
      workDir,
      totals: totalsOf(found),
      live: Object.fromEntries(found.live),
      work,
    };
    process.stdout.write(`${JSON.stringify({ ...all, ...(done === undefined ? {} : { done }) })}\n`);
  } else process.stderr.write('nothing was done\n');
  return 0;
}
