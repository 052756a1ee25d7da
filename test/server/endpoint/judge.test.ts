/** The judge beside real launches: two who ask at once never both get the last place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LaunchGranted, LaunchWanted, Services, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import type { Judge } from '../../../server/endpoint/deps.ts';
import { createJudge } from '../../../server/endpoint/judge.ts';
import type { Kept } from '../../../server/endpoint/kept.ts';
import { Launches } from '../../../server/endpoint/launches.ts';
import { PolicyFile, Rates } from '../../../server/policy/index.ts';
import type { State } from '../../../server/state/index.ts';
import { least } from '../policy/example.ts';

let directory: string;
let launches: Launches;
let judge: Judge;
let policy: PolicyFile;
const alice: User = { account: 'alice', shown: 'alice', roles: ['user'] };
const at = (more: string) => {
  writeFileSync(join(directory, 'serve.yaml'), least + more, { mode: 0o644 });
  policy = new PolicyFile(join(directory, 'serve.yaml'));
  // fakes: a cluster that answers late, launches that never end, a state without sessions
  const services = {
    offers: () => new Promise((resolve) => setTimeout(resolve, 5, { cluster: 'campus', partitions: [], askedAt: 0 })),
    launch: async function* () {
      yield { type: 'start', phase: 'cluster', text: 'connecting' };
      await new Promise(() => {});
    },
  } as unknown as Services;
  const state = { sessions: () => [], settings: { get: () => undefined } } as unknown as State;
  const kept = {
    saveLaunch() {},
    noteLaunch() {},
    saveSession() {},
    noteSession() {},
    session: () => undefined,
    launch: () => undefined,
    audit: { write() {} },
    event() {},
  } as unknown as Kept;
  launches = new Launches({ services, kept, onReady() {}, baseOf: () => undefined, onEnded() {} });
  judge = createJudge({ policy, services, state, launches: () => launches, pressure: { words: undefined } });
};
const ask = (user: User, spec: string, more: Partial<LaunchWanted> = {}) => {
  const wanted = { provider: 'gh', spec, ...more };
  return judge.grant(
    user,
    wanted,
    (granted: LaunchGranted) => launches.start(user, wanted, granted),
    AbortSignal.timeout(5000),
  );
};
const codes = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map((one) =>
    one.status === 'fulfilled' ? 'begun' : one.reason instanceof HpcbinderError ? one.reason.code : 'odd',
  );

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hb-judge-'));
});
afterEach(() => {
  launches.close();
  rmSync(directory, { recursive: true });
});

describe('a hundred who ask at once', () => {
  // SECURITY ABU-01, ABU-02
  it.each([
    [
      'of one user',
      'limits: {per_user: 5, launches_per_user: 5}\n',
      (n: number) => ({ user: alice, spec: `org/repo-${n}/HEAD` }),
    ],
    [
      'of one repository',
      'limits: {per_repository: 5}\n',
      (n: number) => ({ user: { ...alice, account: `u${n}` }, spec: `org/repo/branch-${n}` }),
    ],
    [
      'of all',
      'limits: {sessions: 5}\n',
      (n: number) => ({ user: { ...alice, account: `u${n}` }, spec: `org/repo-${n}/HEAD` }),
    ],
  ])('%s get as many launches as there may be, and not one more', async (_, limits, one) => {
    at(`${limits}rate: {launches: 1000 per 1h}\n`);
    const asks = Array.from({ length: 100 }, (__, n) => one(n));
    const results = await Promise.allSettled(asks.map(({ user, spec }) => ask(user, spec)));
    expect(codes(results).filter((code) => code === 'begun')).toHaveLength(5);
    expect(codes(results).filter((code) => code === 'E-POLICY-FULL')).toHaveLength(95);
    expect(launches.running()).toHaveLength(5);
  });

  it('for the very same join one launch, whatever the limit is', async () => {
    at('limits: {per_user: 1, launches_per_user: 1}\nrate: {launches: 1000 per 1h}\n');
    const views = await Promise.all(Array.from({ length: 100 }, () => ask(alice, 'org/repo/HEAD')));
    expect(new Set(views.map(({ id }) => id)).size).toBe(1);
    await expect(ask(alice, 'org/repo/HEAD', { cpus: 1 })).rejects.toMatchObject({ code: 'E-POLICY-FULL' });
  });

  it('too often are slowed down by user, and others are not', async () => {
    at('limits: {per_user: 99, launches_per_user: 99}\nrate: {launches: 3 per 1h}\n');
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => ask(alice, `org/repo-${n}/HEAD`)));
    expect(codes(results)).toEqual(['begun', 'begun', 'begun', 'E-POLICY-RATE']);
    await expect(ask({ ...alice, account: 'bob' }, 'org/repo/HEAD')).resolves.toMatchObject({ account: 'bob' });
  });
});

it('a new policy holds for the next launch, save for the origins of sessions: those are as at the start', async () => {
  at('');
  const seen = () => judge.foresee(alice, { provider: 'gh', spec: 'org/repo/HEAD' }, AbortSignal.timeout(5000));
  expect(await seen()).toMatchObject({ cpus: 2 });
  writeFileSync(policy.path, `${least}sessions: path\ndefaults: {cpus: 1}\n`);
  expect(policy.reload()).toMatchObject({ kind: 'loaded', later: ['sessions'] });
  const { cpus, sharedOrigin } = await seen();
  expect({ cpus, sharedOrigin }).toEqual({ cpus: 1, sharedOrigin: undefined });
});

describe('a rate', () => {
  it('fills again, says how long that takes, and follows a new policy', () => {
    let now = 0;
    let rate = { count: 2, seconds: 3600 };
    const rates = new Rates(
      () => ({ rate: { launches: rate } }) as never,
      () => now,
    );
    rates.take('launches', 'alice');
    rates.take('launches', 'alice');
    expect(() => rates.take('launches', 'alice')).toThrow(
      expect.objectContaining({ code: 'E-POLICY-RATE', hint: 'Try again in 30 min.' }),
    );
    now += 30 * 60_000;
    rates.take('launches', 'alice');
    expect(() => rates.take('launches', 'alice')).toThrow(HpcbinderError);
    rate = { count: 50, seconds: 60 };
    rates.take('launches', 'alice');
  });
});
