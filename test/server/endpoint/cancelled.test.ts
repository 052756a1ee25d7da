/** A launch that is cancelled stays cancelled, whatever becomes of the process that was told so (SECURITY F-06). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { LaunchGranted, Services, User } from '../../../core/endpoint.ts';
import { Launches } from '../../../server/endpoint/launches.ts';
import { State } from '../../../server/state/index.ts';
import { session } from '../../sessions/example.ts';

const alice: User = { account: 'alice', shown: 'alice', roles: ['user'] };
const wanted = { provider: 'gh', spec: 'org/repo/HEAD' };
const granted: LaunchGranted = {
  ...wanted,
  cluster: 'campus',
  repo: { url: 'https://github.com/org/repo', shown: 'org/repo' },
  binds: [],
  idleSeconds: 3600,
  notes: [],
};
const secrets = { ca: '', clientCert: '', clientKey: '', appToken: '', cookieKey: 'ab'.repeat(32) };

let directory: string;
let state: State;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hb-cancelled-'));
  state = State.open(join(directory, 'state'));
});
afterEach(() => {
  state.close();
  rmSync(directory, { recursive: true });
});

/** Fake clusters: a launch has its job in the queue and stays there, and to end it takes longer than the process lives. */
function launches(resumed: string[]): Launches {
  const services = {
    async *launch(_user, _granted, { id, keep, signal, resume }) {
      if (resume) resumed.push(id);
      keep({ ...session, id, phase: 'queued', cluster: 'campus', secrets });
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
  const cancelled = first.start(alice, wanted, granted);
  const other = first.start(alice, wanted, { ...granted, idleSeconds: 60 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  first.cancel(cancelled.id);
  first.cancel(cancelled.id);
  expect(state.launch(cancelled.id)).toMatchObject({ state: 'cancelled' });

  const second = launches(resumed);
  second.restore(() => alice);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(second.running().map(({ id }) => id)).toEqual([other.id]);
  expect(resumed).toEqual([other.session]);
  second.close();
});
