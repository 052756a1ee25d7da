/** `doctor`: looks at this machine, the login node and, in a job of a minute, a compute node. Exit 1 where a launch would fail. */
import { askModes, type Known, MODES_FILE } from '../converters/build-modes.ts';
import type { Cluster } from '../core/cluster.ts';
import { orThrow, textOf } from '../core/command.ts';
import { asHpcbinderError, type ErrorCode } from '../core/errors.ts';
import { readSite, SITE_FILE, storageRules } from '../core/site.ts';
import { ask } from '../core/transport.ts';
import { aheadOf } from '../sessions/clocks.ts';
import { judgeAssumptions } from '../sessions/doctor/assumptions.ts';
import { judgeCluster } from '../sessions/doctor/cluster.ts';
import { type Finding, Findings, stops } from '../sessions/doctor/finding.ts';
import { judgeLogin } from '../sessions/doctor/login.ts';
import { lookAtLogin, type Machine } from '../sessions/doctor/look.ts';
import { siteText } from '../sessions/doctor/publish.ts';
import { preflight } from '../sessions/preflight.ts';
import { probe, schedulerInWords } from '../sessions/probe.ts';
import { wantedCluster } from './clusters.ts';
import { loadConfig } from './config-file.ts';
import { type Choice, chooseCluster, connectCluster } from './connect.ts';
import { judgeLaptop, lookHere } from './doctor-laptop.ts';
import { nodeFindings } from './doctor-node.ts';
import { forwarding } from './doctor-way.ts';
import { report } from './doctor-words.ts';
import type { Flags } from './flags.ts';
import { Interrupts } from './interrupts.ts';
import { canMove, drawMoving, eraseMoving, plain, prompter } from './terminal.ts';

export async function doctor(name: string | undefined, flags: Flags): Promise<number> {
  const nobody = name === undefined && prompter() === undefined;
  const choice = nobody ? chooseCluster(loadConfig(), undefined) : await wantedCluster(name, 'doctor USER@HOST');
  const { findings, site } = choice === undefined ? await alone() : await examine(choice, flags).finally(eraseMoving);
  const out = flags.publish === true ? process.stderr : process.stdout;
  const host = choice?.entry.host ?? 'this machine';
  if (flags.json === true)
    out.write(
      `${JSON.stringify({ cluster: choice?.name ?? null, stops: stops(findings), findings, assumptions: judgeAssumptions(findings, 'launch') })}\n`,
    );
  else out.write(plain(report(findings, { name: choice?.name ?? 'no cluster', host })));
  if (flags.publish === true && site !== undefined) {
    process.stdout.write(site);
    process.stderr.write(plain(`\nas root on each login node: write it to ${SITE_FILE}, mode 0644\n`));
  }
  return stops(findings) ? 1 : 0;
}

type Examined = { findings: readonly Finding[]; site?: string };

async function alone(): Promise<Examined> {
  const found = new Findings('cluster');
  found.broken(
    'none',
    'No cluster is set up yet.',
    'Only this machine was looked at.',
    'hpcbinder cluster add USER@HOST, or to try it on this machine: hpcbinder devcluster up',
  );
  return { findings: [...judgeLaptop(await lookHere(loadConfig())), ...found.all] };
}

async function examine(choice: Choice, flags: Flags): Promise<Examined> {
  const here = lookHere(loadConfig());
  doing(`looking at ${choice.name}`);
  const connected = await connectCluster(choice, prompter(), { allowance: 'fresh' }).catch((error: unknown) => {
    const fault = asHpcbinderError(error);
    if (fault.code === 'E-CANCELLED' || fault.code === 'E-INTERNAL') throw error;
    return fault;
  });
  if ('code' in connected) {
    const found = new Findings('login');
    const what = NOT_EVEN.get(connected.code) ?? 'connection';
    const evidence = connected.evidence.slice(-1).map((line) => ` (${line})`);
    found.broken(what, `${connected.message}${evidence}.`, 'Nothing there can be used.', connected.hint ?? '');
    return { findings: [...judgeLaptop(await here), ...found.all] };
  }
  const interrupts = new Interrupts();
  const { signal } = interrupts;
  try {
    const seen = await lookAtCluster(connected, signal);
    const laptop = judgeLaptop({ ...(await here), ahead: seen.ahead });
    const { entry } = choice;
    const cluster = judgeCluster({
      scheduler: seen.scheduler,
      ...(connected.partitions.length > 0 ? { partitions: connected.partitions } : {}),
      ...(connected.allowance ? { allowance: connected.allowance } : {}),
      ...(entry.defaults?.partition ? { usual: entry.defaults.partition } : {}),
      ...(entry.build_partition ? { builds: entry.build_partition } : {}),
    });
    const before = [...laptop, ...seen.findings, ...cluster];
    const look = await nodeFindings({ cluster: connected, choice, login: seen.machine, flags, doing }, signal);
    const site = siteText(
      {
        profile: connected.profile,
        modes: seen.known.modes,
        ...(look.node ? { node: look.node } : {}),
        ...(entry.modules ? { modules: entry.modules } : {}),
      },
      new Date(),
    );
    return { findings: [...before, ...look.findings], site };
  } finally {
    await connected.transport[Symbol.asyncDispose]();
    interrupts.dispose();
  }
}

const NOT_EVEN: ReadonlyMap<ErrorCode, string> = new Map([
  ['E-NO-SCHEDULER', 'scheduler'],
  ['E-NO-CONTAINER', 'container'],
  ['E-NO-PYTHON', 'python'],
  ['E-REMOTE-SHELL', 'shell'],
]);

type Seen = { machine: Machine; findings: Finding[]; ahead: number; known: Known; scheduler: string };

async function lookAtCluster({ profile, transport, site }: Cluster, signal: AbortSignal): Promise<Seen> {
  const { imageStore, stateDir, workDir, bases, host } = profile;
  const archives = [...bases.values()].flatMap(({ archive }) => (archive === undefined ? [] : [archive]));
  const machine = orThrow(
    await ask(transport, lookAtLogin(profile, [imageStore, stateDir, workDir, ...archives]), signal),
  );
  const clock = await transport.run({ argv: ['date', '+%s'], timeoutMs: 10_000 }, signal);
  const ahead = aheadOf(Number(textOf(clock.stdout)) || machine.now, new Date());
  const found = orThrow(await ask(transport, probe(host, { figures: true, python: profile.python }), signal));
  const facts = await ask(transport, preflight(profile, { gpus: false }), signal);
  const known = orThrow(await ask(transport, askModes(`${imageStore}/${MODES_FILE}`), signal));
  const way = await forwarding(transport, machine.sshd);
  const { ignored } = readSite(found.site);
  const findings = judgeLogin({
    profile,
    machine,
    ids: known.evidence,
    storage: site ? storageRules(site) : [],
    ...(facts.ok ? { facts: facts.value } : {}),
    ...(way ? { forwarding: way } : {}),
    ...(ignored ? { siteIgnored: ignored } : {}),
  });
  return { machine, findings, ahead, known, scheduler: schedulerInWords(found) };
}

function doing(text: string): void {
  if (canMove) drawMoving(plain(text));
}
