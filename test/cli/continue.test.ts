import { describe, expect, it } from '@jest/globals';
import { continued } from '../../cli/continue.ts';
import { launchInput } from '../../cli/flags.ts';
import { session } from '../sessions/example.ts';

const choice = { name: 'hpc', entry: {} } as Parameters<ReturnType<typeof launchInput>['input']>[0];

function input(flags: Record<string, unknown> = {}, from = session) {
  const { repo, flags: all } = continued(from, undefined, flags);
  const options = launchInput(repo, all, { schema: 1, clusters: {} } as never, session.id);
  return { options, input: options.input(choice) };
}

describe('--continue', () => {
  it('asks for what the session had: its commit, cluster, resources, app and limits', () => {
    const { options, input: made } = input();
    expect(options).toMatchObject({ repo: session.repo.url, ref: session.repo.commit, cluster: 'hpc', local: false });
    expect(made.flags).toMatchObject({ partition: 'gpu', cpus: 2, memoryMb: 8192, seconds: 7200, gpus: 1 });
    expect(made).toMatchObject({ app: 'lab', limits: { idleSeconds: 3600 } });
  });

  it('lets what is typed win; another partition does not inherit the GPUs', () => {
    const { input: made } = input({ time: '1h', partition: 'debug', bind: [], sbatch: [] });
    expect(made.flags).toMatchObject({ partition: 'debug', seconds: 3600, cpus: 2 });
    expect(made.flags.gpus).toBeUndefined();
    expect(input({ ref: 'main' }).options.ref).toBe('main');
  });

  it('goes on from a directory and from an image too', () => {
    const directory = { ...session, repo: { shown: './a', url: '/home/my work' } };
    expect(input({}, directory).options).toMatchObject({ repo: '/home/my work', local: true, ref: undefined });
    const image = { ...session, repo: { shown: session.sif } };
    expect(input({}, image)).toMatchObject({
      options: { repo: undefined },
      input: { sif: session.sif, noRepository: true },
    });
  });

  it('sets the same variables inside, and what is typed wins', () => {
    const from = {
      ...session,
      variables: [
        ['A', '1=2'],
        ['PYTHONPATH', '/lib'],
      ],
    } as const;
    expect(input({ env: [], allowEnv: [] }, from).input.variables).toEqual(from.variables);
    expect(input({ env: ['A=3'] }, from).input.variables).toEqual([
      ['A', '3'],
      ['PYTHONPATH', '/lib'],
    ]);
  });

  it.each<[string, string | undefined, Record<string, unknown>]>([
    ['another repository', 'org/other', {}],
    ['an image', undefined, { sif: '/a.sif' }],
    ['a new work directory', undefined, { fresh: true }],
    ['another cluster', undefined, { cluster: 'other' }],
  ])('refuses %s', (_, repo, flags) => {
    expect(() => continued(session, repo, flags)).toThrow(expect.objectContaining({ code: 'E-USAGE' }));
  });
});
