/** A launch that fails before its submit: its owner still finds it, its log and why; the service's log has a line of it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Services } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { Failures } from '../../../server/endpoint/failures.ts';
import { failedLine } from '../../../server/endpoint/journal.ts';
import { Launches } from '../../../server/endpoint/launches.ts';
import type { State } from '../../../server/state/index.ts';
import { kept, launched, Rig } from '../state/rig.ts';
import { ALICE, GRANTED, WANTED } from './granted.ts';
import { type Actor, LAUNCH, World } from './rig.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

describe('the endpoint', () => {
  let rig: Rig;
  let state: State;
  let lines: Record<string, unknown>[];
  beforeEach(() => {
    rig = new Rig();
    state = rig.open();
    lines = [];
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
    state.close();
    rig.remove();
  });

  /** Fake clusters where the build writes much and ends with `cause`; without one the app answers. */
  async function launch(cause?: unknown) {
    const services = {
      async *launch(_user, _granted, { signal }) {
        yield { type: 'start', phase: 'build', text: 'building' };
        for (let at = 0; at < 5_000; at++) yield { type: 'log', phase: 'build', line: `line ${at}` };
        if (cause === 'cancelled')
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        if (cause !== undefined) throw cause;
        return kept({ phase: 'ready' });
      },
    } satisfies Pick<Services, 'launch'>;
    const launches = new Launches({
      services: services as unknown as Services,
      kept: state,
      onReady() {},
      baseOf: () => undefined,
      onEnded() {},
      log: (line) => lines.push(line),
    });
    const { id } = launches.start(ALICE, WANTED, GRANTED);
    if (cause === 'cancelled') {
      await jest.advanceTimersByTimeAsync(10);
      launches.cancel(id);
    }
    await jest.advanceTimersByTimeAsync(10);
    return { launches, id };
  }
  const logOf = ({ launches, id }: Awaited<ReturnType<typeof launch>>) =>
    launches.told(id).flatMap((event) => (event.type === 'log' ? [event.line] : []));
  const pip = new HpcbinderError('E-BUILD-PIP', { message: 'pip could not install nunpy' });

  it('keeps what a failed launch told for a day, after ten minutes the end of its log; of others nothing', async () => {
    const [failed, ready] = [await launch(pip), await launch()];
    expect([failed, ready].map(({ launches, id }) => launches.view(id)?.state)).toEqual(['failed', 'ready']);
    expect([logOf(failed).length, logOf(ready).length]).toEqual([5000, 5000]);
    await jest.advanceTimersByTimeAsync(11 * MINUTE);
    expect([logOf(failed).length, logOf(ready).length]).toEqual([1000, 0]);
    expect(logOf(failed).at(-1)).toBe('line 4999');
    expect(failed.launches.told(failed.id)).toContainEqual({ type: 'start', phase: 'build', text: 'building' });
    await jest.advanceTimersByTimeAsync(DAY);
    expect(failed.launches.told(failed.id)).toEqual([]);
    expect(failed.launches.view(failed.id)).toMatchObject({
      state: 'failed',
      error: { code: 'E-BUILD-PIP' },
      endedAt: expect.any(String),
    });
  });

  it('keeps nothing of one that was forgotten meanwhile', async () => {
    const failed = await launch(pip);
    state.forget('alice');
    expect([failed.launches.view(failed.id), failed.launches.told(failed.id)]).toEqual([undefined, []]);
  });

  it('writes a line of each launch that fails, and none of those that somebody cancelled', async () => {
    const { id } = await launch(pip);
    await launch('cancelled');
    await launch();
    expect(lines).toEqual([
      {
        event: 'launch',
        state: 'failed',
        launch: id,
        account: 'alice',
        code: 'E-BUILD-PIP',
        message: 'pip could not install nunpy',
      },
    ]);
  });

  it('writes where a defect of its own came from', async () => {
    await launch(new TypeError('x is not a function'));
    expect(lines).toEqual([
      expect.objectContaining({
        code: 'E-INTERNAL',
        stack: expect.stringMatching(/^TypeError: x is not a function\n +at .*failed-launch/),
      }),
    ]);
  });
});

it('no secret of a session is in the line of its launch', () => {
  const { id, account } = launched();
  const record = kept({ variables: [['MY_KEY', 'correct-horse-battery']] });
  const cause = new Error('cookie-key and correct-horse-battery');
  cause.stack = 'Error: Authorization: Bearer abcdefghijkl\n at correct-horse-battery';
  const line = JSON.stringify(failedLine({ id, account }, cause, record));
  expect(line).toContain('<hidden>');
  expect(line).not.toMatch(/correct-horse|cookie-key|abcdefghijkl/);
});

it('of failed launches the last ten of a user are kept, and the last hundred of all', () => {
  jest.useFakeTimers();
  const gone: string[] = [];
  const failures = new Failures((id) => gone.push(id));
  failures.add('bob-0', 'bob');
  for (let at = 0; at < 12; at++) failures.add(`alice-${at}`, 'alice');
  expect(gone).toEqual(['alice-0', 'alice-1']);
  for (let at = 0; at < 90; at++) failures.add(`user-${at}`, `user${at}`);
  expect(gone).toEqual(['alice-0', 'alice-1', 'bob-0']);
  jest.advanceTimersByTime(DAY);
  expect(gone.length).toBe(103);
  jest.useRealTimers();
});

describe('the pages', () => {
  const world = new World();
  const FAILED = 'la-fa11edfa11edfa11';
  let alice: Actor;
  let bob: Actor;
  beforeAll(async () => {
    const at = new Date().toISOString();
    const failed = launched({
      id: FAILED,
      state: 'failed',
      startedAt: at,
      endedAt: at,
      error: { code: 'E-BUILD-PIP', message: 'pip could not install <nunpy>' },
      wanted: { provider: 'gh', spec: 'org/typo/HEAD' },
    });
    await world.open(undefined, { before: (state) => state.saveLaunch(failed) });
    [alice, bob] = [await world.signIn('alice'), await world.signIn('bob')];
  }, 30_000);
  afterAll(() => world.close());
  const page = async ({ headers }: Actor, path: string) =>
    (await world.ask(path, { headers: { ...headers, Accept: 'text/html' } })).body.replace(/data-props="[^"]*"/, '');

  it('have a failed launch among the sessions: why, the way to what it told, and a click that launches it again', async () => {
    const body = await page(alice, '/sessions');
    expect(body).toMatch(/<h3[^>]*>org\/typo<\/h3>/);
    expect(body).toContain('pip could not install &lt;nunpy>');
    for (const path of ['', '/log']) expect(body).toContain(`href="/launches/${FAILED}${path}"`);
    expect(await page(bob, '/sessions')).not.toContain('typo');
    const { status, headers } = await world.ask(`/launches/${FAILED}/relaunch`, {
      method: 'POST',
      headers: { ...alice.headers, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `_xsrf=${alice.xsrf}`,
    });
    expect([status, headers.location]).toEqual([303, expect.stringMatching(/^\/launches\/la-[0-9a-f]{16}$/)]);
    // what became of it now is the answer
    const after = await page(alice, '/sessions');
    expect(after).not.toContain(FAILED);
    expect(after).toContain(`${headers.location}"`);
  });

  it.each([LAUNCH, FAILED])('say of %s that what a former process heard is gone', async (id) => {
    for (const path of [`/launches/${id}`, `/launches/${id}/log`])
      expect(await page(alice, path)).toContain('Nothing of what it told is here any more');
  });
});
