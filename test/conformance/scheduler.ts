/** What every scheduler must do with real jobs on a real cluster. A new one adds a row to test/e2e/scheduler.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orThrow } from '../../core/command.ts';
import { newSessionId } from '../../core/ids.ts';
import type { JobRef, JobSpec, JobState, JobStatus, Scheduler } from '../../core/scheduler.ts';
import { ask, askAll, type Transport } from '../../core/transport.ts';
import { remoteLock } from '../../jobs/lock.ts';
import { Poller, type Sighting } from '../../jobs/poller.ts';
import { jobRunner } from '../../jobs/run.ts';
import { submitOnce } from '../../jobs/submit.ts';

export type SchedulerTarget = {
  scheduler: Scheduler;
  transport: Pick<Transport, 'run' | 'read'>;
  /** runs as another user of the cluster */
  stranger: Pick<Transport, 'run'>;
  owner: number;
  /** absolute, shared with the nodes, the owner's; removed at the end */
  directory: string;
  partition: string;
  user: string;
};

export function schedulerConformance(name: string, target: SchedulerTarget): void {
  const { scheduler, transport, stranger, owner, directory } = target;
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
      const seen = await status(id);
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

    it('lets a second job of the same name wait, and finds the first by the name', async () => {
      const { spec, script } = await job('exec sleep 300');
      const submit = async (): Promise<JobRef> => {
        const id = orThrow(await ask(transport, scheduler.submit(spec, script)));
        return { id, tag: spec.tag };
      };
      const first = await submit();
      await until(first, 'running');
      const second = await submit();
      expect(await status(second)).toMatchObject({ state: 'pending' });
      expect(orThrow(await askAll(transport, scheduler.find(spec.tag, owner)))).toBe(first.id);
      expect(orThrow(await ask(transport, scheduler.unfinished(owner))).get(spec.tag)).toBe(first.id);
      for (const each of [second, first]) await ask(transport, scheduler.cancel(each));
      await until(second, 'ended');
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

    it('is told of no job of a stranger, whatever its name claims (SECURITY INJ-10)', async () => {
      const id = await submitted('exec sleep 300');
      const before = await until(id, 'running');
      const { spec } = await job('true');
      const forged = `x\n${id.id}|COMPLETED|evil|${owner}|1|1|None`;
      const words = (title: string) => [
        'sbatch',
        '--parsable',
        '--mem=50M',
        `--job-name=${title}`,
        '--chdir=/tmp',
        '--output=/dev/null',
        '--wrap=sleep 60',
      ];
      const theirs: string[] = [];
      for (const title of [forged, spec.tag]) {
        const { stdout } = await stranger.run({ argv: words(title) });
        theirs.push(Buffer.from(stdout).toString().trim());
      }
      expect(theirs.every((one) => /^[0-9]+$/.test(one))).toBe(true);
      expect(await status(id)).toEqual(before);
      expect(orThrow(await askAll(transport, scheduler.find(spec.tag, owner)))).toBeUndefined();
      expect(await status({ id: theirs[0] ?? '', tag: id.tag })).toBeUndefined();
      expect(await status({ id: theirs[1] ?? '', tag: spec.tag })).toBeUndefined();
      for (const one of theirs) await stranger.run({ argv: ['scancel', one] });
      await ask(transport, scheduler.cancel(id));
    }, 60_000);

    it('refuses what it cannot run, by its code', async () => {
      const refusal = async (request: Partial<JobSpec['request']>) => {
        const { spec, script } = await job('true', request);
        return ask(transport, scheduler.submit(spec, script));
      };
      expect(await refusal({ partition: 'nosuch' })).toMatchObject({ why: 'refused', error: { code: 'E-PARTITION' } });
      expect(await refusal({ account: 'nosuch' })).toMatchObject({ why: 'refused', error: { code: 'E-ACCOUNT' } });
      expect(await refusal({ gpus: 99 })).toMatchObject({ why: 'refused', error: { code: 'E-GPU' } });
      expect(await refusal({ memoryMb: 1 << 24 })).toMatchObject({ why: 'refused', error: { code: 'E-LIMIT' } });
    }, 60_000);

    it('names the partition, a likely start and the accounts', async () => {
      const offers = orThrow(await askAll(transport, scheduler.offers()));
      expect(offers.find((one) => one.name === target.partition)).toMatchObject({ up: true });
      expect(offers.filter((one) => one.isDefault)).toHaveLength(1);
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
