import { describe, expect, it } from '@jest/globals';
import type {
  BuildPlace,
  FailedBuild,
  ImageClaim,
  LaunchArrows,
  Planned,
  RepositoryWishes,
} from '../../core/arrows.ts';
import type { Checkout, SifReceipt } from '../../core/artifacts.ts';
import type { Cluster } from '../../core/cluster.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import { slurm } from '../../schedulers/slurm/index.ts';
import {
  contentOn,
  type Environment,
  type EnvironmentInput,
  environmentOn,
  repoInWords,
} from '../../sessions/environment.ts';
import { isOursToo, spoken } from '../../sessions/image.ts';
import { partition } from './example.ts';

const receipt = { bytes: 4.1e8, sha256: 'f'.repeat(64), builtAt: new Date(0).toISOString() } as SifReceipt;
const checkout = {
  repo: {
    kind: 'git',
    url: 'https://github.com/org/repo',
    host: 'github.com',
    path: 'org/repo',
    commit: '4f1c2ab'.padEnd(40, '0'),
  },
} as Checkout;
const planned = {
  plan: { platform: 'linux/amd64', contentInImage: false },
  key: 'k'.repeat(32),
  words: 'Python 3.13',
  notes: ['Pipfile is not used'],
} as unknown as Planned;
const input: EnvironmentInput = { flags: {}, site: {}, product: 'hpcbinder 1', rebuild: false, noRepository: false };
const cluster = {
  profile: { host: 'hpc', platform: 'linux/amd64', imageStore: '/s' },
  scheduler: slurm,
  partitions: [partition({ isDefault: true })],
} as unknown as Cluster;

/** A fake of the lock on the cluster. `failed`: of the one that was waited for; `told`: what those who wait are told. */
function claimOf(lost = new AbortController(), failed?: FailedBuild, told: string[] = []): ImageClaim {
  return {
    lost: lost.signal,
    tookOver: false,
    failed,
    fail: async ({ where, error }) => void told.push(`${where} ${error.code}`),
    say() {},
    awaited: async () => false,
    async [Symbol.asyncDispose]() {},
  };
}

/** Every arrow writes down that it was called. */
function arrows(
  more: {
    stored?: boolean | (() => boolean);
    lost?: AbortController;
    failed?: FailedBuild;
    place?: BuildPlace;
    wishes?: RepositoryWishes;
    no?: boolean;
  } = {},
) {
  const calls: string[] = [];
  const failures: string[] = [];
  const called = <T>(name: string, value: T) => {
    calls.push(name);
    return value;
  };
  const sif = { path: '/s/k.sif', receipt };
  const all: LaunchArrows = {
    connect: async () => called('connect', cluster),
    resolve: async () => called('resolve', checkout.repo),
    checkout: async () => called('checkout', checkout),
    wishes: () => more.wishes ?? {},
    plan: async (_checkout, _cluster, platform) => called(`plan ${platform}`, planned),
    stored: async () =>
      called('stored', (typeof more.stored === 'function' ? more.stored() : more.stored) ? sif : undefined),
    claim: async () => called('claim', claimOf(more.lost, more.failed, failures)),
    buildPlace: async () => called('buildPlace', more.place ?? { where: 'here' }),
    build: async () => called('build', { id: 'i', tag: 't', platform: 'linux/amd64', created: '', size: 1.2e9 }),
    check: async () => called('check', 'JupyterLab 4 answers'),
    glibc: async () => undefined,
    convert: async () => called('convert', { path: '/c/k.sif', bytes: 4.1e8, sha256: 'f'.repeat(64) }),
    upload: async (_cluster, _sif, made) => called(`upload ${made.bytes} ${made.commit?.slice(0, 7)}`, sif),
    buildOnCluster: async () => called('buildOnCluster', sif),
    content: async () => called('content', { id: 'tree:1', content: '/s/1.tar', bytes: 0, reused: true }),
    confirm: async (question) => {
      called(`confirm ${question}`, undefined);
      if (more.no) throw new HpcbinderError('E-CONFIRM', { message: 'no' });
    },
  };
  return { all, calls, failures };
}

async function made(from: Partial<EnvironmentInput>, faked: ReturnType<typeof arrows>, on = cluster) {
  const run = environmentOn(on, { ...input, ...from }, faked.all, new AbortController().signal);
  const told: Progress[] = [];
  for (;;) {
    const step = await run.next();
    if (step.done) return { environment: step.value as Environment, told };
    told.push(step.value);
  }
}

describe('the image of an environment', () => {
  it('that is stored already is neither built, converted nor sent, and its age is told', async () => {
    const faked = arrows({ stored: true });
    const { environment, told } = await made({}, faked);
    expect(faked.calls).toEqual(['resolve', 'checkout', 'plan linux/amd64', 'stored']);
    expect(environment.sif.path).toBe('/s/k.sif');
    expect(told).toContainEqual(
      expect.objectContaining({
        phase: 'build',
        skipped: true,
        text: expect.stringMatching(/^reused, built \d+ days ago · 410 MB on hpc$/),
      }),
    );
  });

  it('is built, started once, converted and sent, in this order', async () => {
    const faked = arrows();
    const { told } = await made({}, faked);
    expect(faked.calls.slice(3)).toEqual([
      'stored',
      'buildPlace',
      'claim',
      'stored',
      'build',
      'check',
      'convert',
      'upload 410000000 4f1c2ab',
    ]);
    const done = told.flatMap((event) => (event.type === 'done' ? [event.phase] : []));
    expect(done).toEqual(['repo', 'plan', 'build', 'check', 'convert', 'upload']);
    expect(told).toContainEqual({ type: 'note', text: 'Pipfile is not used' });
  });

  it('is built again where that was asked for', async () => {
    const faked = arrows({ stored: true });
    await made({ rebuild: true }, faked);
    expect(faked.calls).toContain('build');
  });

  it('that another launch made while this one waited is not made again', async () => {
    let asked = 0;
    const faked = arrows({ stored: () => ++asked > 1 });
    const { told } = await made({}, faked);
    expect(faked.calls.slice(3)).toEqual(['stored', 'buildPlace', 'claim', 'stored']);
    expect(told.at(-1)).toMatchObject({ type: 'done', phase: 'build', skipped: true });
  });

  it('is left to the one who took over while nothing was heard of this launch', async () => {
    const lost = new AbortController();
    let asked = 0;
    const faked = arrows({ lost, stored: () => ++asked > 2 });
    faked.all.build = async (_planned, _checkout, _on, signal) => {
      lost.abort();
      signal.throwIfAborted();
      throw new Error('not reached');
    };
    const { told } = await made({}, faked);
    expect(told.slice(-2)).toMatchObject([{ type: 'warning' }, { type: 'done', phase: 'build', skipped: true }]);
  });

  it('that could not be made is told of to those who wait', async () => {
    const faked = arrows({ place: { where: 'cluster' } });
    faked.all.buildOnCluster = async () => {
      throw new HpcbinderError('E-BUILD-APT', { message: 'no such package' });
    };
    await expect(made({}, faked)).rejects.toMatchObject({ code: 'E-BUILD-APT' });
    expect(faked.failures).toEqual(['cluster E-BUILD-APT']);
  });

  it('that could not be made by the one who was waited for is not tried again, and not told of twice', async () => {
    const error = new HpcbinderError('E-BUILD', { message: 'the step failed' });
    const faked = arrows({ failed: { where: 'here', error } });
    await expect(made({}, faked)).rejects.toBe(error);
    expect(faked.calls.slice(3)).toEqual(['stored', 'buildPlace', 'claim', 'stored']);
    expect(faked.failures).toEqual([]);
  });

  it('that could not be made elsewhere, or for a reason of that machine, is tried here', async () => {
    for (const [where, code] of [
      ['cluster', 'E-BUILD'],
      ['here', 'E-DISK-FULL'],
      ['here', 'E-CANCELLED'],
    ] as const) {
      const faked = arrows({ failed: { where, error: new HpcbinderError(code, { message: 'm' }) } });
      await made({}, faked);
      expect(faked.calls).toContain('build');
    }
    const error = new HpcbinderError('E-DISK-FULL', { message: 'm' });
    expect(isOursToo({ where: 'cluster', error }, 'cluster')).toBe(true);
  });

  it('tells those who wait what is shown here', () => {
    expect(spoken({ type: 'start', phase: 'build', text: 'image for linux/amd64' })).toBe(
      'build · image for linux/amd64',
    );
    expect(spoken({ type: 'update', phase: 'upload', done: 45e6, total: 98e6 })).toBe('upload · 45 MB of 98 MB');
    expect(spoken({ type: 'log', phase: 'build', line: 'Step 3/9' })).toBe('build · Step 3/9');
    expect(spoken({ type: 'note', text: 'x' })).toBeUndefined();
  });

  it('is built by a job where no engine is here, and why is told', async () => {
    const faked = arrows({ place: { where: 'cluster', why: 'no engine' } });
    const { told } = await made({}, faked);
    expect(faked.calls.slice(-4)).toEqual(['buildPlace', 'claim', 'stored', 'buildOnCluster']);
    expect(told).toContainEqual({ type: 'note', text: 'no engine' });
  });

  it('is planned for the partition’s architecture, not for the login node’s', async () => {
    const faked = arrows({ stored: true });
    const arm = { ...cluster, partitions: [partition({ architectures: ['aarch64'] })] };
    expect((await made({}, faked, arm)).environment.platform).toBe('linux/arm64');
    expect(faked.calls).toContain('plan linux/arm64');
  });

  it('that was named by its path needs no repository and no plan', async () => {
    const faked = arrows();
    const { environment } = await made({ sif: '/scratch/my.sif', noRepository: true }, faked);
    expect(faked.calls).toEqual([]);
    expect(environment).toMatchObject({ checkout: undefined, planned: undefined, sif: { path: '/scratch/my.sif' } });
  });
});

describe('what a repository asks for beyond the usual', () => {
  const wishes = { cpus: 8, gpus: 0 };

  it('is confirmed before anything is built', async () => {
    const faked = arrows({ wishes, no: true });
    await expect(made({}, faked)).rejects.toMatchObject({ code: 'E-CONFIRM' });
    expect(faked.calls).toEqual([
      'resolve',
      'checkout',
      expect.stringMatching(/^confirm hpc\.yml of the repository asks for 8 cores \(usual: 2 cores\)/),
    ]);
  });

  it('is no question where the user typed a number', async () => {
    const faked = arrows({ wishes, stored: true, no: true });
    expect((await made({ flags: { cpus: 4 } }, faked)).environment.decided.request.cpus).toBe(4);
  });
});

describe('a repository’s content', () => {
  it('that is on the cluster already is not told as sent', async () => {
    const run = contentOn(cluster, checkout, arrows().all, new AbortController().signal);
    const told: Progress[] = [];
    for await (const event of run) told.push(event);
    expect(told[1]).toMatchObject({ type: 'done', phase: 'upload', skipped: true });
  });
});

it.each([
  [checkout.repo, 'org/repo @ 4f1c2ab'],
  [
    { kind: 'git', url: '', host: 'gitlab.com', path: 'a/b/c', commit: 'c'.repeat(40), ref: 'v1' } as const,
    'gitlab.com/a/b/c @ ccccccc  v1',
  ],
  [{ kind: 'local', path: '/home/me/x', tree: 't'.repeat(64) } as const, '/home/me/x (tree ttttttt)'],
  [
    { kind: 'local', path: '/x', tree: 't'.repeat(64), commit: 'c'.repeat(40), dirty: true } as const,
    '/x (ccccccc and changes)',
  ],
])('a repository is told as %#', (repo, words) => {
  expect(repoInWords(repo)).toBe(words);
});
