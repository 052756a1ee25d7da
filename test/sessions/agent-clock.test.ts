/** The agent's clock is the scheduler's, whatever the node's says or is set to (SECURITY F-46). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { controlRequest } from '../../sessions/control.ts';
import { readEnd } from '../../sessions/records.ts';
import { FakeClock, fakeClockLibrary } from '../fake-clock.ts';
import { notRun } from '../not-run.ts';
import { type Changes, type Rig, SESSION, startSession } from './agent-rig.ts';

const library = fakeClockLibrary();
if (!library)
  notRun('F-46, the agent on a node whose clock is wrong: there is no C compiler here for test/fake-clock.c');
const rigs: Rig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

const seconds = () => Date.now() / 1000;

async function session(changes: Changes): Promise<Rig> {
  const rig = await startSession(changes);
  rigs.push(rig);
  return rig;
}

const statusOf = (rig: Rig) => controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' });

/** A job of five minutes that the scheduler started so many seconds ago, by its clock, which is this machine's. */
function job(ago: number): { SLURM_JOB_START_TIME: string; SLURM_JOB_END_TIME: string } {
  const start = Math.floor(seconds()) - ago;
  return { SLURM_JOB_START_TIME: `${start}`, SLURM_JOB_END_TIME: `${start + 300}` };
}

describe('the clock of the node', () => {
  if (library) {
    it.each([7200, -7200])(
      '%i s ahead, then set right: the end, the use and the time are the scheduler’s',
      async (ahead) => {
        const clock = new FakeClock(library, ahead);
        const env = { ...job(0), ...clock.env };
        const used = new Date(Date.now() + ahead * 1000).toISOString();
        const kernels = [{ execution_state: 'idle', last_activity: used }];
        const rig = await session({ env, app: { kernels }, limits: { idleSeconds: 3 } });
        const ready = seconds();
        const status = await statusOf(rig);
        expect(status).toMatchObject({ ready: true, endsAt: Number(env.SLURM_JOB_END_TIME) });
        expect(Math.abs(Number(status.now) - seconds())).toBeLessThan(5);
        expect(Math.abs(Number(status.idleSince) - ready)).toBeLessThan(5);
        clock.set(0);
        expect(Math.abs(Number((await statusOf(rig)).now) - seconds())).toBeLessThan(5);
        await rig.exited;
        const end = readEnd(rig.file('end.json'));
        expect(end?.why).toBe('idle');
        expect(Math.abs(Number(end?.at) - seconds())).toBeLessThan(5);
        expect(seconds() - ready).toBeGreaterThan(2);
        expect(seconds() - ready).toBeLessThan(15);
      },
      40_000,
    );
  }

  it('is not taken for wrong where a prolog took a minute', async () => {
    const env = job(60);
    const status = await statusOf(await session({ env }));
    expect(Math.abs(Number(status.now) - seconds())).toBeLessThan(5);
    expect(status.endsAt).toBe(Number(env.SLURM_JOB_END_TIME));
  });
});
