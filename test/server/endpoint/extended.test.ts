/** A session made longer, by the endpoint's API: no further than the policy goes, by whatever clicks. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { KeptSession, Services } from '../../../core/endpoint.ts';
import { type Actor, SESSION, World } from './rig.ts';

const HOUR = 3600;
const world = new World();
let alice: Actor;
/** by how much the fake scheduler was asked to extend */
let asked: number[];
const services: Partial<Services> = {
  extend: async (_user, record, seconds) => {
    asked.push(seconds);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { ...record, request: { ...record.request, seconds: record.request.seconds + seconds } };
  },
};

beforeAll(async () => {
  await world.open('ceilings: {time: 4h}\n', { services });
  alice = await world.signIn('alice');
});
beforeEach(() => {
  asked = [];
});
afterAll(() => world.close());

const now = () => {
  const row = world.state.session(SESSION);
  if (!row) throw new Error('there is none');
  return row.record;
};
const act = async (verb: 'extend' | 'touch', seconds?: number) => {
  const { status, body } = await world.ask(`/api/v1/sessions/${SESSION}/${verb}`, {
    method: 'POST',
    headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
    body: JSON.stringify(seconds === undefined ? {} : { seconds }),
  });
  return { status, code: status < 400 ? undefined : (JSON.parse(body) as { error: { code: string } }).error.code };
};

describe('a session that is extended', () => {
  it('by several clicks at once is extended once, and the others are told', async () => {
    expect(now().request.seconds).toBe(2 * HOUR);
    const answers = await Promise.all([act('extend', HOUR), act('extend', HOUR), act('extend', HOUR)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(asked).toEqual([HOUR]);
    expect(now().request.seconds).toBe(3 * HOUR);
  });

  it('goes no further than the ceiling, and the scheduler is not asked', async () => {
    expect(await act('extend', 2 * HOUR)).toEqual({ status: 400, code: 'E-LIMIT' });
    expect(asked).toEqual([]);
  });

  it('is not, once it has ended: neither that nor "Still needed" is said to have worked', async () => {
    const record: KeptSession = { ...now(), phase: 'ended', ended: { why: 'stopped', at: new Date().toISOString() } };
    world.state.noteSession(record, { account: 'alice' });
    for (const verb of ['extend', 'touch'] as const)
      expect(await act(verb, verb === 'extend' ? 60 : undefined)).toEqual({ status: 409, code: 'E-SESSION-STATE' });
    expect(asked).toEqual([]);
  });
});
