import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LaunchWanted, Offers } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { choices } from '../../../server/policy/choices.ts';
import { judge } from '../../../server/policy/judge.ts';
import { parsePolicy } from '../../../server/policy/parse.ts';
import type { Seen } from '../../../server/policy/room.ts';
import { least } from './example.ts';

const alice = { account: 'alice', shown: 'Alice', roles: ['user'] as const };
const idle: Seen = { running: { total: 0, ofUser: 0, ofRepo: 0 }, drained: false };
const repo = { provider: 'gh', spec: 'our-org/lesson/HEAD' };
const policyOf = (more = '') => parsePolicy(least + more, 'serve.yaml');
const refusal = (act: () => unknown): HpcbinderError => {
  try {
    act();
  } catch (error) {
    if (error instanceof HpcbinderError) return error;
    throw error;
  }
  throw new Error('it was granted');
};
const asked = (more: string, wanted: Partial<LaunchWanted> = {}, seen: Partial<Seen> = {}) =>
  judge(policyOf(more), alice, { ...repo, ...wanted }, { ...idle, ...seen });

describe('a launch', () => {
  it('that says nothing gets the defaults, and every number is set', () => {
    expect(asked('')).toEqual({
      ...repo,
      cluster: 'campus',
      app: 'lab',
      seconds: 7200,
      cpus: 2,
      memoryMb: 8192,
      gpus: 0,
      repo: { url: 'https://github.com/our-org/lesson', ref: 'HEAD', shown: 'our-org/lesson' },
      binds: [],
      idleSeconds: 3600,
      maxAgeSeconds: 7 * 86400,
      notes: [],
    });
  });

  it('over a ceiling is cut to it, and each cut is said with whose limit it is', () => {
    const granted = asked('ceilings: {time: 12h, memory: 64G}\n', { seconds: 7 * 86400, memoryMb: 1 << 20, cpus: 8 });
    expect(granted).toMatchObject({ seconds: 43200, memoryMb: 65536, cpus: 8 });
    expect(granted.notes).toEqual([
      '12 h instead of 7 d: the limit of this endpoint',
      '64 GB instead of 1024 GB: the limit of this endpoint',
    ]);
  });

  it('is no longer than its session may become old, so that end is counted down and warned of', () => {
    const age = 'culling: {max_age: 3h}\n';
    expect(asked(age, { seconds: 4 * 3600 })).toMatchObject({
      seconds: 3 * 3600,
      maxAgeSeconds: 3 * 3600,
      notes: ['3 h instead of 4 h: the limit of this endpoint for the age of a session'],
    });
    expect(asked(age)).toMatchObject({ seconds: 7200, notes: [] });
  });

  it('ends without use when its user says, up to the longest time that policy lets them choose', () => {
    expect(asked('', { idleSeconds: 600 })).toMatchObject({ idleSeconds: 600, notes: [] });
    const most = 'culling: {idle: 30m, longest_idle: 4h}\n';
    expect(asked(most).idleSeconds).toBe(1800);
    expect(asked(most, { idleSeconds: 4 * 3600 })).toMatchObject({ idleSeconds: 4 * 3600, notes: [] });
    const cut = asked(most, { idleSeconds: 5 * 3600 });
    expect(cut.idleSeconds).toBe(4 * 3600);
    expect(cut.notes).toEqual(['it ends after 4 h without use instead of 5 h: the limit of this endpoint']);
  });

  it('has the ceilings of its partition before the general ones, and those of its repository before both', () => {
    const text = `
ceilings: {time: 12h, gpus: 1}
repositories: {settings: [{match: github.com/our-org, gpus: 4}, {match: github.com/our-org/lesson, gpus: 3}]}
`;
    const more = text.replace('ceilings', 'ceilings');
    const policy = parsePolicy(
      least.replace('{campus: {}}', '{campus: {partitions: {gpu: {time: 2d, gpus: 2}, debug: {time: 1h, gpus: 0}}}}') +
        more,
      's',
    );
    const of = (wanted: Partial<LaunchWanted>) =>
      judge(policy, alice, { ...repo, seconds: 1e6, gpus: 9, ...wanted }, idle);
    expect(of({ partition: 'gpu' })).toMatchObject({ seconds: 172800, gpus: 3 });
    expect(of({ partition: 'gpu', spec: 'else/where/HEAD' })).toMatchObject({ gpus: 2 });
    expect(of({ partition: 'gpu', spec: 'OUR-ORG/Lesson/HEAD' })).toMatchObject({ gpus: 3 });
    const none = refusal(() => of({ partition: 'debug', spec: 'else/where/HEAD' }));
    expect([none.code, none.instead]).toEqual(['E-POLICY-PARTITION', { '--partition': 'gpu' }]);
  });

  it('goes to a partition that is offered, whatever the scheduler’s default is', () => {
    const policy = parsePolicy(least.replace('{campus: {}}', '{campus: {partitions: {day: {}, gpu: {}}}}'), 's');
    const offers = {
      cluster: 'campus',
      askedAt: 0,
      partitions: [{ name: 'night', isDefault: true }],
    } as unknown as Offers;
    expect(judge(policy, alice, repo, { ...idle, offers }).partition).toBe('day');
    const error = refusal(() => judge(policy, alice, { ...repo, partition: 'gpux' }, idle));
    expect([error.code, error.hint, error.instead]).toEqual([
      'E-POLICY-PARTITION',
      'It offers: day, gpu.',
      { '--partition': 'gpu' },
    ]);
  });

  it('to nodes that all have GPUs gets one', () => {
    const partition = { name: 'gpu', isDefault: true, allNodesHaveGpus: true };
    const offers = { cluster: 'campus', askedAt: 0, partitions: [partition] } as unknown as Offers;
    expect(asked('', {}, { offers }).gpus).toBe(1);
    expect(asked('', { gpus: 0 }, { offers }).gpus).toBe(0);
  });

  it.each([
    ['E-POLICY-CLUSTER', { cluster: 'campis' }, ''],
    ['E-POLICY-APP', { app: 'notebook' as const }, 'apps: [lab]\n'],
    ['E-POLICY-DATA', { data: ['era6'] }, 'data: {era5: {path: /data/era5}}\n'],
    ['E-POLICY-DATA', { data: ['../etc'] }, 'data: {era5: {path: /data/era5}}\n'],
    ['E-POLICY-DATA', { data: ['constructor'] }, ''],
    ['E-OPTION', { gpus: -1 }, ''],
    ['E-OPTION', { cpus: 1.5 }, ''],
    ['E-OPTION', { seconds: Number.NaN }, ''],
    ['E-OPTION', { partition: '--exclusive' }, ''],
    ['E-OPTION', { account: 'a b' }, ''],
    ['E-LINK', { path: '//evil.example/x' }, ''],
    ['E-LINK', { path: '.evil.example/../..' }, ''],
    ['E-LINK', { provider: 'zenodo', spec: '10.5281/zenodo.1' }, ''],
    ['E-LINK', { provider: 'git', spec: 'file%3A%2F%2F%2Fsrv/HEAD' }, ''],
  ])('is refused by %s where it asks for %j', (code, wanted, more) => {
    expect(refusal(() => asked(more, wanted)).code).toBe(code);
  });

  it('sees data read-only, where policy puts them', () => {
    const more = 'data: {era5: {path: /gpfs/era5, at: /data/era5}}\n';
    expect(asked(more, { data: ['era5', 'era5'] }).binds).toEqual([
      { from: '/gpfs/era5', to: '/data/era5', readOnly: true },
    ]);
  });

  // SECURITY ABU-01
  it.each([
    [{ total: 7, ofUser: 5, ofRepo: 0 }, '5 sessions of alice run, and 5 may'],
    [{ total: 7, ofUser: 0, ofRepo: 100 }, '100 sessions of our-org/lesson run, and 100 may'],
    [{ total: 500, ofUser: 0, ofRepo: 0 }, '500 sessions run at this endpoint, and 500 may'],
  ])('is refused where %j run', (running, words) => {
    const error = refusal(() => asked('', {}, { running }));
    expect([error.code, error.message, error.transient]).toEqual(['E-POLICY-FULL', words, true]);
  });

  it('counts against the limit of its own repository, the last that is said of it', () => {
    const more =
      'repositories: {settings: [{match: github.com/our-org, sessions: 2}, {match: github.com/our-org/lesson, sessions: 300}]}\n';
    expect(asked(more, {}, { running: { total: 250, ofUser: 0, ofRepo: 250 } }).repo.shown).toBe('our-org/lesson');
    expect(
      refusal(() => asked(more, { spec: 'our-org/other/HEAD' }, { running: { total: 2, ofUser: 0, ofRepo: 2 } })).code,
    ).toBe('E-POLICY-FULL');
  });

  it('is refused with the admins’ words while the endpoint is drained', () => {
    const error = refusal(() => asked('', {}, { drained: 'maintenance on Tuesday' }));
    expect([error.code, error.message]).toEqual(['E-POLICY-DRAIN', 'maintenance on Tuesday']);
    expect(refusal(() => asked('', {}, { drained: true })).message).toBe('this endpoint takes no launches at present');
  });
});

// REES row 127, SECURITY ABU-07
describe('a repository', () => {
  const url = (text: string) => ({ provider: 'git', spec: `${encodeURIComponent(text)}/HEAD` });
  const gh = (spec: string) => ({ provider: 'gh', spec });
  const list = `repositories: {allow: [github.com/our-org, "github.com/*/lesson*", "*.example.edu"], ban: [github.com/our-org/bad, "github.com/spam*"]}\n`;
  it.each([
    [gh('our-org/any/HEAD'), true],
    [gh('OUR-ORG/Any/HEAD'), true],
    [gh('our-org-2/any/HEAD'), false],
    [gh('else/lesson-3/HEAD'), true],
    [gh('else/other/HEAD'), false],
    [gh('our-org/bad/HEAD'), false],
    [gh('Our-Org/BAD/HEAD'), false],
    [gh('our-org/bad.git/HEAD'), false],
    [gh('our-org/badly/HEAD'), true],
    [gh('spammer/lesson/HEAD'), false],
    // the same repository by another provider
    [url('https://github.com/our-org/bad'), false],
    [url('https://github.com/our-org/bad.git'), false],
    [url('https://GitHub.com:443/our-org//bad/'), false],
    [url('https://github.com/our-org/%62ad'), false],
    [url('https://git.example.edu/x/y'), true],
    [url('https://git-example.edu/x/y'), false],
    [url('https://example.edu.evil.org/x/y'), false],
    [url('https://evil.org/github.com/our-org/any'), false],
  ])('%j is launched: %s', (wanted, launched) => {
    const judged = () => judge(policyOf(list), alice, wanted, idle);
    if (launched) expect(judged().cluster).toBe('campus');
    else expect(refusal(judged).code).toBe('E-POLICY-REPOSITORY');
  });

  it('that is a gist without its user is refused with the way to write it: a ban by user would be gone around', () => {
    const ban = 'repositories: {ban: [gist.github.com/spammer]}\n';
    const gist = { provider: 'gist', spec: 'spammer/81e0bd2a83f5' };
    expect(refusal(() => asked(ban, gist)).code).toBe('E-POLICY-REPOSITORY');
    const whole = url('https://gist.github.com/Spammer/81e0bd2a83f5.git');
    expect(refusal(() => asked(ban, whole)).code).toBe('E-POLICY-REPOSITORY');
    for (const text of ['81e0bd2a83f5.git', '81e0bd2a83f5', '/81e0bd2a83f5.git/', 'a/81e0bd2a83f5/x']) {
      const { code, hint } = refusal(() => asked(ban, url(`https://GIST.github.com:443/${text}`)));
      expect([code, hint]).toEqual(['E-LINK', 'Write it as gist/USER/ID.']);
    }
  });

  it('may be any where none is listed, over http only where policy says so', () => {
    expect(asked('', gh('any/thing/HEAD')).repo.shown).toBe('any/thing');
    expect(refusal(() => asked('', url('http://git.example.org/x/y'))).code).toBe('E-LINK');
    expect(asked('repositories: {http: true}\n', url('http://git.example.org/x/y')).repo.url).toBe(
      'http://git.example.org/x/y',
    );
  });

  // SECURITY GIT-08, GIT-09
  it('at an address of the inside is refused in one sentence, unless its host is listed', () => {
    const inside = [
      '127.0.0.1:8001',
      '0x7f000001',
      '2130706433',
      '[::1]',
      '169.254.169.254',
      '[::ffff:10.0.0.1]',
      'gitlab',
      'git.internal',
      'localhost',
    ];
    const errors = inside.map((host) => refusal(() => asked('', url(`https://${host}/x/y`))));
    expect(new Set(errors.map(({ code, message, hint }) => `${code} ${message} ${hint}`)).size).toBe(1);
    expect(errors[0]?.code).toBe('E-POLICY-REPOSITORY');
    const listed = 'repositories: {private_hosts: [git.internal, 127.0.0.1]}\n';
    expect(asked(listed, url('https://git.internal/x/y')).repo.url).toBe('https://git.internal/x/y');
    expect(asked(listed, url('https://127.0.0.1:8443/x/y')).repo.url).toBe('https://127.0.0.1:8443/x/y');
    expect(refusal(() => asked(listed, url('https://other.internal/x/y'))).code).toBe('E-POLICY-REPOSITORY');
  });
});

describe('whatever is wanted', () => {
  const policy = parsePolicy(
    least.replace(
      '{campus: {}}',
      '{campus: {partitions: {gpu: {time: 1d, gpus: 2}, day: {memory: 4G}}, defaults: {idle: 3h, time: 5d}}, other: {}}',
    ) +
      'ceilings: {time: 10h, cpus: 16, memory: 64G, gpus: 1}\nrepositories: {ban: [github.com/bad], settings: [{match: github.com/big, cpus: 40}]}\ndata: {era5: {path: /data/era5}}\napps: [lab]\n',
    's',
  );
  const odd = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 1_000_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 1.5, 0, -1) },
  );
  const among = (...good: string[]) =>
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...good) },
      { weight: 1, arbitrary: fc.constantFrom('__proto__', '', '--x', 'a b', 'bad', 'notebook') },
    );
  const wanted = fc.record(
    {
      provider: fc.constantFrom('gh', 'gh', 'gh', 'git', 'x'),
      spec: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom('good/repo/HEAD', 'big/repo/HEAD', 'bad/repo/HEAD', 'BAD/repo/x') },
        fc.string(),
      ),
      cluster: among('campus', 'other'),
      partition: among('gpu', 'day'),
      seconds: odd,
      cpus: odd,
      memoryMb: odd,
      gpus: odd,
      gpuType: among('a100'),
      app: among('lab'),
      idleSeconds: odd,
      data: fc.array(among('era5'), { maxLength: 2 }),
    },
    { requiredKeys: ['provider', 'spec'] },
  );

  it('what is granted is within policy', () => {
    let granted = 0;
    fc.assert(
      fc.property(wanted, (asks) => {
        let it: ReturnType<typeof judge>;
        try {
          it = judge(policy, alice, asks as unknown as LaunchWanted, idle);
        } catch (error) {
          expect(error).toBeInstanceOf(HpcbinderError);
          return;
        }
        granted += 1;
        const partitions = policy.clusters.get(it.cluster)?.partitions;
        expect(policy.clusters.has(it.cluster)).toBe(true);
        if (partitions) expect([...partitions.keys()]).toContain(it.partition);
        const big = it.repo.shown.startsWith('big/');
        const most = {
          seconds: it.cluster === 'campus' && it.partition === 'gpu' ? 86400 : 36000,
          cpus: big ? 40 : 16,
          memoryMb: it.cluster === 'campus' && it.partition === 'day' ? 4096 : 65536,
          gpus: it.cluster === 'campus' && it.partition === 'gpu' ? 2 : 1,
        };
        for (const key of ['seconds', 'cpus', 'memoryMb', 'gpus'] as const) {
          const value = it[key];
          expect(Number.isSafeInteger(value)).toBe(true);
          expect(value).toBeGreaterThanOrEqual(key === 'gpus' ? 0 : 1);
          expect(value).toBeLessThanOrEqual(most[key]);
        }
        expect(it.app).toBe('lab');
        expect(it.repo.url.toLowerCase()).not.toContain('github.com/bad/');
        expect(it.binds.every(({ from, readOnly }) => from === '/data/era5' && readOnly)).toBe(true);
        expect(it.idleSeconds).toBeLessThanOrEqual(3600);
        expect(it.idleSeconds).toBeGreaterThanOrEqual(60);
      }),
      { numRuns: 3000 },
    );
    expect(granted).toBeGreaterThan(300);
  });
});

describe('the form', () => {
  it('shows what may be chosen, with the ceilings taken off what the cluster offers', () => {
    const policy = parsePolicy(
      `${least.replace('{campus: {}}', '{campus: {partitions: {gpu: {gpus: 1}}}}')}ceilings: {time: 4h, cpus: 8}\n`,
      's',
    );
    const node = {
      isDefault: false,
      up: true,
      nodes: 2,
      cpusPerNode: 64,
      memoryMbPerNode: 1024,
      allNodesHaveGpus: false,
      architectures: [],
      idleNodes: 1,
    };
    const offers: Offers = {
      cluster: 'campus',
      askedAt: 1,
      partitions: [
        { ...node, name: 'gpu', gpusPerNode: { a100: 8 }, maxSeconds: 86400 },
        { ...node, name: 'night', gpusPerNode: {} },
      ],
    };
    const shown = choices(policy, { offers });
    expect(shown.offers?.partitions).toEqual([
      { ...node, name: 'gpu', cpusPerNode: 8, gpusPerNode: { a100: 1 }, maxSeconds: 14400 },
    ]);
    expect(shown).toMatchObject({
      clusters: ['campus'],
      cluster: 'campus',
      apps: ['lab', 'notebook', 'rstudio', 'shiny'],
      data: [],
    });
  });
});
