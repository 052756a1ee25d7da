/** What every scheduler must do with real jobs on a real cluster. A new one adds its words to `dialect`. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orThrow } from '../../core/command.ts';
import { newSessionId } from '../../core/ids.ts';
import type { JobRef, JobSpec, JobState, JobStatus, Scheduler } from '../../core/scheduler.ts';
import { ask, askAll, type Transport } from '../../core/transport.ts';
import { remoteLock } from '../../jobs/lock.ts';
import { Poller, type Sighting } from '../../jobs/poller.ts';
import { jobRunner } from '../../jobs/run.ts';
import { submitOnce } from '../../jobs/submit.ts';
import { notRun } from '../not-run.ts';

export type SchedulerTarget = {
  scheduler: Scheduler;
  transport: Pick<Transport, 'run' | 'read'>;
  /** runs as another user of the cluster; undefined: what needs one is not run */
  stranger: Pick<Transport, 'run'> | undefined;
  owner: number;
  /** absolute, shared with the nodes, the owner's; removed at the end */
  directory: string;
  partition: string;
  user: string;
};

/** What the suite itself says to a scheduler, as a stranger would, and what each refuses at the door. */
type Dialect = {
  submit(title: string): readonly string[];
  id: RegExp;
  cancel(id: string): readonly string[];
  /** what anybody may write would be a row of an answer here, were it not kept in its place */
  forge(id: string, owner: number): readonly string[];
  refusals: readonly (readonly [Partial<JobSpec['request']>, string])[];
};
const sbatch = (title: string) => [
  ...['sbatch', '--parsable', '--mem=50M', `--job-name=${title}`, '--chdir=/tmp', '--output=/dev/null'],
  '--wrap=sleep 60',
];
const qsub = (title: string, ...words: string[]) => [
  ...['qsub', '-N', title, '-o', '/dev/null', '-j', 'oe', ...words],
  ...['--', '/bin/sleep', '60'],
];
const dialects: Readonly<Record<Scheduler['name'], Dialect>> = {
  slurm: {
    submit: sbatch,
    forge: (id, owner) => sbatch(`x\n${id}|COMPLETED|evil|${owner}|1|1|None`),
    id: /^[0-9]+$/,
    cancel: (id) => ['scancel', id],
    refusals: [
      [{ account: 'nosuch' }, 'E-ACCOUNT'],
      [{ gpus: 99 }, 'E-GPU'],
      [{ memoryMb: 1 << 24 }, 'E-LIMIT'],
    ],
  },
  pbs: {
    submit: qsub,
    // names of PBS are words; of what else anybody may write the server keeps all (seen with 23.06)
    forge: (id) => {
      const row = `x"}},\n"${id}": {"Job_Name": "hb-aaaaaaaaaa", "Job_Owner": "alice@login", "job_state": "F"},"y":{"z":"`;
      return qsub('forged', '-A', row, '-v', `A='${row.replaceAll('\n', ' ')}'`);
    },
    id: /^[0-9]+\.[\w.-]+$/,
    cancel: (id) => ['qdel', id],
    refusals: [[{ constraint: 'nosuch=1' }, 'E-OPTION']],
  },
};

export function schedulerConformance(name: string, target: SchedulerTarget): void {
  const { scheduler, transport, stranger, owner, directory } = target;
  const dialect = dialects[scheduler.name];
  const sh = (program: string, ...words: string[]) => transport.run({ argv: ['sh', '-c', program, 'sh', ...words] });

  /** A job that runs these lines of shell; each has a directory of its own, with characters that need care. */
  async function job(
    lines: string,
    request: Partial<JobSpec['request']> = {},
  ): Promise<{ spec: JobSpec; script: string }> {
    const tag = newSessionId();
    const place = `${directory}/${tag} 50%`;
    await sh('mkdir -p "$1" && printf "#!/bin/sh\\n%s\\n" "$2" > "$1/job.sh"', place, lines);
    const asked = { partition: target.partition, cpus: 1, memoryMb: 100, seconds: 600, gpus: 0, extra: [], ...request };
    return {
      spec: { tag, directory: place, request: asked, comment: 'hpcbinder test', log: 'job.log' },
      script: `${place}/job.sh`,
    };
  }
  async function submitted(lines: string, request?: Partial<JobSpec['request']>): Promise<JobRef> {
    const { spec, script } = await job(lines, request);
    return { id: await submitOnce(transport, scheduler, spec, script, { owner }), tag: spec.tag };
  }
  const status = async (job: JobRef) => orThrow(await ask(transport, scheduler.status([job], owner))).get(job.id);
  async function until(id: JobRef, ...states: JobState[]): Promise<JobStatus> {
    for (;;) {
      // of a job that is over some schedulers tell only where they are asked for it
      const seen = (await status(id)) ?? (await final(id));
      if (seen !== undefined && states.includes(seen.state)) return seen;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  const final = async (id: JobRef) => orThrow(await askAll(transport, scheduler.finalStatus(id, owner)));

  describe(`${name} with real jobs`, () => {
    beforeAll(async () => void (await sh('mkdir -p "$1"', directory)));
    afterAll(async () => void (await sh('rm -rf "$1"', directory)));

    it('runs a job, says where, and ends it when it is cancelled', async () => {
      const id = await submitted('exec sleep 300');
      const running = await until(id, 'running');
      expect(running.nodes).toHaveLength(1);
      expect((running.endsAt ?? 0) - (running.startsAt ?? 0)).toBe(600);
      expect(orThrow(await ask(transport, scheduler.cancel(id)))).toBe('cancelled');
      expect(await until(id, 'ended')).toMatchObject({ end: 'cancelled' });
      expect(orThrow(await ask(transport, scheduler.cancel(id)))).toBe('already-over');
    }, 60_000);

    it('gives back the exit code, and the log', async () => {
      const { spec } = await job('echo out; echo err >&2; pwd; exit 7');
      const lines: string[] = [];
      const run = jobRunner(transport, scheduler, { owner, script: 'job.sh' });
      const { status: end } = await run(
        spec,
        (event) => event.type === 'log' && lines.push(event.line),
        new AbortController().signal,
      );
      expect(end).toMatchObject({ state: 'ended', end: 'failed', exitCode: 7 });
      expect(lines).toEqual(['out', 'err', spec.directory]);
    }, 60_000);

    it('tells a job killed by a signal from one that exited', async () => {
      const id = await submitted('kill -9 $$');
      await until(id, 'ended');
      expect(await final(id)).toMatchObject({ end: 'failed', exitCode: 137 });
    }, 60_000);

    it('neither shows nor cancels a job that has the number under another name (SECURITY F-23)', async () => {
      const mine = await submitted('exec sleep 300');
      await until(mine, 'running');
      const former: JobRef = { id: mine.id, tag: newSessionId() };
      expect(await status(former)).toBeUndefined();
      expect(await final(former)).toBeUndefined();
      await ask(transport, scheduler.cancel(former));
      expect(await status(mine)).toMatchObject({ state: 'running' });
      expect(orThrow(await ask(transport, scheduler.cancel(mine)))).toBe('cancelled');
    }, 60_000);

    it('finds the first of two jobs of one name, and lets the second wait where it can', async () => {
      const { spec, script } = await job('exec sleep 300');
      const submit = async (): Promise<JobRef> => {
        const id = orThrow(await ask(transport, scheduler.submit(spec, script)));
        return { id, tag: spec.tag };
      };
      const first = await submit();
      await until(first, 'running');
      const second = await submit();
      expect(await until(second, 'pending', 'running')).toMatchObject(
        scheduler.can.singleton ? { state: 'pending' } : {},
      );
      expect(orThrow(await askAll(transport, scheduler.find(spec.tag, owner)))).toBe(first.id);
      expect(orThrow(await ask(transport, scheduler.unfinished(owner))).get(spec.tag)).toBe(first.id);
      for (const each of [second, first]) await ask(transport, scheduler.cancel(each));
      await until(second, 'ended');
    }, 60_000);

    const shapes = 'gives a job that waits another shape, all of it or nothing, and leaves one that runs as it is';
    if (scheduler.reshape === undefined) notRun(`${name}: ${shapes}: this scheduler has no such way`);
    else
      it(shapes, async () => {
        const reshape = async (id: JobRef, before: JobSpec, wanted: Partial<JobSpec['request']>) => {
          const question = scheduler.reshape?.(id, owner, before.request, { ...before.request, ...wanted });
          if (question === undefined) throw new Error('no such way');
          return ask(transport, question);
        };
        const first = await submitted('exec sleep 300');
        const running = await until(first, 'running');
        const { spec, script } = await job('nproc; exec sleep 300', { cpus: 2 });
        const after = { ...spec, after: first.id };
        const waits = { id: await submitOnce(transport, scheduler, after, script, { owner }), tag: spec.tag };
        await until(waits, 'pending');
        expect(await reshape(waits, spec, { partition: 'nosuch', seconds: 120 })).toMatchObject({ why: 'refused' });
        expect(await reshape(waits, spec, { seconds: 300, cpus: 1, memoryMb: 50 })).toMatchObject({ value: 'changed' });
        // neither another's, nor one that has begun
        expect(await reshape({ ...waits, tag: newSessionId() }, spec, { seconds: 60 })).toMatchObject({
          value: 'begun',
        });
        const one = { ...spec, request: { ...spec.request, cpus: 1 } };
        expect(await reshape(first, one, { seconds: 60 })).toMatchObject({ value: 'begun' });
        expect(await status(first)).toEqual(running);
        await ask(transport, scheduler.cancel(first));
        const { startsAt = 0, endsAt = 0 } = await until(waits, 'running');
        expect(endsAt - startsAt).toBe(300);
        await ask(transport, scheduler.cancel(waits));
      }, 60_000);

    it('passes nothing of the login shell into the job', async () => {
      const { spec } = await job('env');
      const lines: string[] = [];
      const marked: typeof transport = {
        read: transport.read,
        run: (command) => transport.run({ ...command, env: { ...command.env, HB_SECRET: 'leaks' } }),
      };
      await jobRunner(marked, scheduler, { owner, script: 'job.sh' })(
        spec,
        (event) => event.type === 'log' && lines.push(event.line),
        new AbortController().signal,
      );
      expect(lines.length).toBeGreaterThan(5);
      expect(lines.join('\n')).not.toContain('HB_SECRET');
    }, 60_000);

    it('knows nothing of a job that never was', async () => {
      const never: JobRef = { id: '99999999', tag: newSessionId() };
      expect(await status(never)).toBeUndefined();
      expect(await final(never)).toBeUndefined();
      expect(orThrow(await askAll(transport, scheduler.find(newSessionId(), owner)))).toBeUndefined();
    }, 60_000);

    const told = 'is told of no job of a stranger, whatever its name claims (SECURITY INJ-10)';
    if (stranger === undefined) notRun(`${name}: ${told}: no second user is given`);
    else
      it(told, async () => {
        const id = await submitted('exec sleep 300');
        const before = await until(id, 'running');
        const { spec } = await job('true');
        const theirs: string[] = [];
        for (const argv of [dialect.forge(id.id, owner), dialect.submit(spec.tag)]) {
          const { stdout, stderr } = await stranger.run({ argv });
          theirs.push(`${Buffer.from(stdout)}${Buffer.from(stderr)}`.trim());
        }
        expect(theirs).toEqual([expect.stringMatching(dialect.id), expect.stringMatching(dialect.id)]);
        expect(await status(id)).toEqual(before);
        expect(orThrow(await askAll(transport, scheduler.find(spec.tag, owner)))).toBeUndefined();
        expect(orThrow(await ask(transport, scheduler.unfinished(owner))).get(spec.tag)).toBeUndefined();
        expect(await status({ id: theirs[0] ?? '', tag: id.tag })).toBeUndefined();
        expect(await status({ id: theirs[1] ?? '', tag: spec.tag })).toBeUndefined();
        for (const one of theirs) await stranger.run({ argv: dialect.cancel(one) });
        await ask(transport, scheduler.cancel(id));
      }, 60_000);

    it('refuses what it cannot run, by its code', async () => {
      const refusal = async (request: Partial<JobSpec['request']>) => {
        const { spec, script } = await job('true', request);
        return ask(transport, scheduler.submit(spec, script));
      };
      expect(await refusal({ partition: 'nosuch' })).toMatchObject({ why: 'refused', error: { code: 'E-PARTITION' } });
      for (const [request, code] of dialect.refusals)
        expect(await refusal(request)).toMatchObject({ why: 'refused', error: { code } });
    }, 60_000);

    it('names the partition, and a likely start and the accounts where it can', async () => {
      const offers = orThrow(await askAll(transport, scheduler.offers()));
      expect(offers.find((one) => one.name === target.partition)).toMatchObject({ up: true });
      expect(offers.filter((one) => one.isDefault)).toHaveLength(1);
      if (!scheduler.can.testOnly) return;
      const { spec } = await job('true');
      const start = orThrow(await ask(transport, scheduler.startEstimate(spec)));
      expect(Math.abs((start?.getTime() ?? 0) - Date.now())).toBeLessThan(3_600_000 * 24);
      expect(orThrow(await askAll(transport, scheduler.allowance(target.user))).accounts).not.toHaveLength(0);
    }, 60_000);

    it('ends a job at its walltime, seen by the poller', async () => {
      const id = await submitted('exec sleep 600', { seconds: 60 });
      const poller = new Poller(transport, scheduler, { owner });
      const seen: Sighting[] = [];
      await new Promise<void>((resolve) =>
        poller.watch(id, (sighting) => {
          seen.push(sighting);
          if (typeof sighting === 'object' && sighting.state === 'ended') resolve();
        }),
      );
      poller.close();
      expect(seen.at(-1)).toMatchObject({ end: 'timeout' });
    }, 200_000);

    it('has a lock between two of us', async () => {
      const lock = await remoteLock(transport, `${directory}/lock`, 'first');
      await expect(remoteLock(transport, `${directory}/lock`, 'second')).rejects.toMatchObject({ code: 'E-LOCKED' });
      await lock[Symbol.asyncDispose]();
    }, 60_000);
  });
}
