/** A launch that is cancelled stays cancelled, whatever becomes of the process that was told so (SECURITY F-06). */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Services } from '../../../core/endpoint.ts';
import { Launches } from '../../../server/endpoint/launches.ts';
import type { State } from '../../../server/state/index.ts';
import { kept, Rig } from '../state/rig.ts';
import { ALICE, GRANTED, WANTED } from './granted.ts';

let rig: Rig;
let state: State;

beforeEach(() => {
  rig = new Rig();
  state = rig.open();
});
afterEach(() => {
  state.close();
  rig.remove();
});

/** Fake clusters: a launch has its job in the queue and stays there, and to end it takes longer than the process lives. */
function launches(resumed: string[]): Launches {
  const services = {
    async *launch(_user, _granted, { id, keep, signal, resume }) {
      if (resume) resumed.push(id);
      keep(kept({ id, phase: 'queued' }));
      yield { type: 'start', phase: 'queue', text: 'waiting' };
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      throw new Error('never');
    },
    stop: () => new Promise(() => {}),
  } satisfies Pick<Services, 'launch' | 'stop'>;
  return new Launches({
    services: services as unknown as Services,
    kept: state,
    onReady() {},
    baseOf: () => undefined,
    onEnded() {},
  });
}

it('is not taken up again by the process that comes after a kill, and one that was not cancelled is', async () => {
  const resumed: string[] = [];
  const first = launches(resumed);
  const cancelled = first.start(ALICE, WANTED, GRANTED);
  const other = first.start(ALICE, WANTED, { ...GRANTED, idleSeconds: 60 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  first.cancel(cancelled.id);
  first.cancel(cancelled.id);
  expect(state.launch(cancelled.id)).toMatchObject({ state: 'cancelled' });

  const second = launches(resumed);
  second.restore(() => ALICE);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(second.running().map(({ id }) => id)).toEqual([other.id]);
  expect(resumed).toEqual([other.session]);
  second.close();
});
