/** The agent tells its clients of the end in time, and waits a little for what the open pages have to save. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { controlRequest } from '../../sessions/control.ts';
import { followNotices, type Notice, type Saves } from '../../sessions/notices.ts';
import { readEnd } from '../../sessions/records.ts';
import { type Changes, eventually, type Rig, SESSION, startSession } from './agent-rig.ts';

type Heard = { notices: Notice[]; over: Promise<void> };

const rigs: Rig[] = [];
const leave: AbortController[] = [];

async function session(changes: Changes = {}): Promise<Rig> {
  const rig = await startSession(changes);
  rigs.push(rig);
  return rig;
}

afterEach(async () => {
  for (const controller of leave.splice(0)) controller.abort();
  for (const rig of rigs.splice(0)) await rig.stop();
});

/** One who has the session open; `save` is what its pages do. */
async function follow(rig: Rig, save: () => Promise<Saves>): Promise<Heard> {
  const controller = new AbortController();
  leave.push(controller);
  const notices: Notice[] = [];
  const on = {
    moved: (endsAt: number) => void notices.push({ kind: 'moved', endsAt }),
    save: (notice: Notice) => {
      notices.push(notice);
      return save();
    },
  };
  const joined = () => rig.file('agent.log').split('open in').length;
  const before = joined();
  const over = followNotices(rig.connect, SESSION, rig.secrets, on, controller.signal).catch(() => {});
  await eventually(() => joined() > before, 30_000);
  return { notices, over };
}

const control = (rig: Rig, request: Parameters<typeof controlRequest>[3]) =>
  controlRequest(rig.connect, SESSION, rig.secrets, request);
const saves =
  (files: number): (() => Promise<Saves>) =>
  async () => ({ pages: 1, files, failed: [] });
const end = (rig: Rig) => readEnd(rig.file('end.json'));

describe('before its end the agent', () => {
  it('warns at each moment once, and keeps what was saved', async () => {
    const rig = await session({ limits: { walltimeSeconds: 3600, warnSeconds: [3597, 3595, 60] } });
    const { notices } = await follow(rig, saves(2));
    await eventually(() => notices.length === 2, 20_000);
    expect(notices[0]).toMatchObject({ kind: 'warning', endsAt: rig.address.endsAt });
    await eventually(() => rig.file('agent.log').split('asked the open pages').length === 3, 20_000);
    expect((await control(rig, { verb: 'status' })).saved).toMatchObject({ pages: 1, files: 2, failed: [], silent: 0 });
    expect(notices).toHaveLength(2);
  }, 60_000);

  it('has the pages of all save, then ends the app, and says so in end.json', async () => {
    const rig = await session();
    const all = [
      await follow(rig, saves(2)),
      await follow(rig, async () => ({ pages: 2, files: 0, failed: ['a: no'] })),
    ];
    await control(rig, { verb: 'stop', why: 'stopped' });
    expect(await rig.exited).toBe(0);
    expect(all.map(({ notices }) => notices.map(({ kind }) => kind))).toEqual([['end'], ['end']]);
    expect(end(rig)).toMatchObject({ why: 'stopped', saved: { pages: 3, files: 2, failed: ['a: no'], silent: 0 } });
  }, 60_000);

  it('asks nobody where it has to be at once', async () => {
    const rig = await session();
    const { notices } = await follow(rig, saves(2));
    await control(rig, { verb: 'stop', why: 'stopped', now: true });
    expect(await rig.exited).toBe(0);
    expect(notices).toEqual([]);
    expect(end(rig)).toEqual({ why: 'stopped', detail: '', at: expect.any(Number) });
  }, 60_000);

  it('says that nothing was saved where nobody has it open', async () => {
    const rig = await session();
    await control(rig, { verb: 'stop', why: 'stopped' });
    expect(await rig.exited).toBe(0);
    expect(end(rig)?.saved).toMatchObject({ pages: 0, files: 0, failed: [], silent: 0 });
  }, 60_000);

  it('waits for one that is silent for some seconds only, and on a signal writes first why it ends', async () => {
    const rig = await session({ constants: { SAVE_SECONDS: 2 } });
    const { notices } = await follow(rig, () => new Promise(() => {}));
    const began = Date.now();
    rig.process.kill('SIGTERM');
    await eventually(() => notices.length === 1);
    expect(end(rig)).toEqual({ why: 'cancelled', detail: 'the job got a signal to end', at: expect.any(Number) });
    await rig.exited;
    expect(Date.now() - began).toBeGreaterThan(2_000);
    expect(Date.now() - began).toBeLessThan(19_000);
    expect(end(rig)?.saved).toMatchObject({ pages: 0, silent: 1 });
  }, 60_000);

  it('does not wait for one that leaves', async () => {
    const rig = await session();
    await follow(rig, async () => {
      for (const controller of leave.splice(0)) controller.abort();
      return new Promise(() => {});
    });
    const began = Date.now();
    await control(rig, { verb: 'stop', why: 'stopped' });
    await rig.exited;
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(end(rig)?.saved).toMatchObject({ silent: 1 });
  }, 60_000);
});

describe('an end that the scheduler has moved', () => {
  it('is in the address file, in the status and with all who listen; an end that has passed is refused', async () => {
    const rig = await session();
    const { notices } = await follow(rig, saves(0));
    const at = rig.address.endsAt + 1800;
    await control(rig, { verb: 'ends', at });
    await eventually(() => notices.length === 1);
    expect(notices).toEqual([{ kind: 'moved', endsAt: at }]);
    expect(rig.json('address.json')).toMatchObject({ endsAt: at, port: rig.address.port });
    expect(await control(rig, { verb: 'status' })).toMatchObject({ endsAt: at });
    await expect(control(rig, { verb: 'ends', at: 5 })).rejects.toThrow('a time to come');
  }, 60_000);

  it('ends the session then: one that is shortened ends sooner, and warns anew', async () => {
    const rig = await session({ limits: { walltimeSeconds: 3600, warnSeconds: [28] } });
    const { notices } = await follow(rig, saves(1));
    await control(rig, { verb: 'ends', at: Math.ceil(Date.now() / 1000) + 31 });
    await rig.exited;
    expect(notices.map(({ kind }) => kind)).toEqual(['moved', 'warning', 'end']);
    expect(end(rig)).toMatchObject({ why: 'timeout', saved: { files: 1 } });
  }, 60_000);
});
