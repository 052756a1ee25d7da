/** After a start a launch on its way is taken up, but not of somebody who was taken out meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { User } from '../../../core/endpoint.ts';
import type { State } from '../../../server/state/index.ts';
import { kept } from '../state/rig.ts';
import { GRANTED, WANTED } from './granted.ts';
import { World } from './rig.ts';

const world = new World();
const SOON = new Date(Date.now() + 3_600_000).toISOString();
const startedAt = new Date().toISOString();
const launchOf = (account: string) => `la-${Buffer.from(account.padEnd(8, '0')).toString('hex')}`;
const sessionOf = (account: string) => `hb-${account.padEnd(10, '0')}`;

/** A launch that a former process was about to begin; with `shown`, whose account had signed in as that. */
function left(state: State, account: string, shown?: string): void {
  const user: User = { account, shown: shown ?? account, roles: ['user'] };
  if (shown !== undefined) state.logins.create(user, { id: account.padEnd(64, '0'), xsrf: 'x', expires: SOON });
  const id = launchOf(account);
  state.saveLaunch({
    id,
    account,
    wanted: WANTED,
    granted: GRANTED,
    startedAt,
    state: 'running',
    session: sessionOf(account),
  });
}

beforeAll(async () => {
  await world.open(undefined, {
    before(state) {
      left(state, 'bob', 'a-former-name-of-bob');
      left(state, 'gone', 'gone@example.edu');
      left(state, 'queued', 'queued@example.edu');
      const job = kept({ id: sessionOf('queued'), phase: 'queued' });
      state.saveSession(job, { account: 'queued', launch: launchOf('queued'), granted: GRANTED });
      left(state, 'unknown');
      state.audit.write({ account: 'gone', action: 'launch', launch: launchOf('gone') });
    },
  });
});
afterAll(() => world.close());

const began = (account: string) => world.asked.includes(`launch ${sessionOf(account)} ${account}`);

describe('after a start', () => {
  it('a launch goes on of whom the map still names, and where it is in doubt', () => {
    expect([began('bob'), began('unknown')]).toEqual([true, true]);
    expect(world.state.launch(launchOf('bob'))?.state).toBe('running');
  });

  it('a launch of whom nothing lets in any more is over: nothing is begun, and the audit log has it', () => {
    for (const account of ['gone', 'queued']) {
      expect([account, began(account)]).toEqual([account, false]);
      expect(world.state.launch(launchOf(account))).toMatchObject({
        state: 'failed',
        error: { code: 'E-CANCELLED', message: `the endpoint was restarted: ${account} may not enter here any more` },
      });
    }
    const cancels = world.state.audit.read({}).filter(({ action }) => action === 'cancel');
    expect(cancels.map(({ account, launch, detail }) => [account, launch, detail]).sort()).toEqual([
      ['-', launchOf('gone'), 'of gone'],
      ['-', launchOf('queued'), 'of queued'],
    ]);
  });
});
