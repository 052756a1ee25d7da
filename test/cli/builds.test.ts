import { describe, expect, it } from '@jest/globals';
import { endpointArrows } from '../../cli/serve/arrows.ts';
import { Builds } from '../../cli/serve/builds.ts';
import type { LaunchArrows } from '../../core/arrows.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';

const never = new AbortController().signal;
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Builds that end when they are told to. */
function world(limits: { builds: number; buildsPerUser: number; buildAgeSeconds?: number }) {
  const builds = new Builds(() => ({ buildAgeSeconds: 60, ...limits }));
  const going: string[] = [];
  const end = new Map<string, () => void>();
  const said = new Map<string, string>();
  const build = (name: string, account = name, signal: AbortSignal = never) =>
    builds.run(
      account,
      (event: Progress) => said.set(name, 'text' in event ? (event.text ?? '') : ''),
      signal,
      async () => {
        going.push(name);
        await new Promise<void>((resolve) => end.set(name, resolve));
        going.splice(going.indexOf(name), 1);
        return name;
      },
    );
  return { build, going, end: (name: string) => end.get(name)?.(), said, limits };
}

describe('builds at an endpoint', () => {
  it('wait for a place in the order in which they came, and are told how many are ahead', async () => {
    const { build, going, end, said } = world({ builds: 2, buildsPerUser: 2 });
    const all = ['a', 'b', 'c', 'd'].map((name) => build(name));
    await settle();
    expect(going).toEqual(['a', 'b']);
    expect([said.get('c'), said.get('d')]).toEqual([
      'waiting for a place to build: next',
      'waiting for a place to build: 1 ahead',
    ]);
    end('a');
    await settle();
    expect(going).toEqual(['b', 'c']);
    expect(said.get('d')).toBe('waiting for a place to build: next');
    for (const name of ['b', 'c', 'd']) {
      end(name);
      await settle();
    }
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('of one user beyond their own limit hold up nobody else', async () => {
    const { build, going, end } = world({ builds: 3, buildsPerUser: 1 });
    const all = [build('a1', 'alice'), build('a2', 'alice'), build('b', 'bob')];
    await settle();
    expect(going).toEqual(['a1', 'b']);
    end('b');
    end('a1');
    await settle();
    expect(going).toEqual(['a2']);
    end('a2');
    await Promise.all(all);
  });

  it('that are cancelled while they wait leave the queue, and one that fails gives its place back', async () => {
    const { build, going, end } = world({ builds: 1, buildsPerUser: 1 });
    const first = build('a');
    const cancel = new AbortController();
    const second = build('b', 'b', cancel.signal);
    const third = build('c');
    await settle();
    cancel.abort(new Error('cancelled'));
    await expect(second).rejects.toThrow('cancelled');
    end('a');
    await settle();
    expect(going).toEqual(['c']);
    end('c');
    await Promise.all([first, third]);
    const builds = new Builds(() => ({ builds: 1, buildsPerUser: 1, buildAgeSeconds: 60 }));
    await expect(
      builds.run(
        'a',
        () => {},
        never,
        () => Promise.reject(new Error('pip')),
      ),
    ).rejects.toThrow('pip');
    await expect(
      builds.run(
        'a',
        () => {},
        never,
        async () => 'built',
      ),
    ).resolves.toBe('built');
  });

  it('that take too long are ended, and the limit is named', async () => {
    const builds = new Builds(() => ({ builds: 1, buildsPerUser: 1, buildAgeSeconds: 0.02 }));
    const work = (signal: AbortSignal, begun: () => void) => {
      begun();
      return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const error = await builds.run('a', () => {}, never, work).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HpcbinderError);
    expect(error).toMatchObject({ code: 'E-BUILD', message: expect.stringContaining('the limit of this endpoint') });
  });

  it('have their time from the first line of their job’s log on: the queue is not theirs', async () => {
    const builds = new Builds(() => ({ builds: 1, buildsPerUser: 1, buildAgeSeconds: 0.05 }));
    const told: Progress[] = [];
    let line = () => {};
    let over = false;
    const own = {
      buildOnCluster: (...[, , , , , on, signal]: Parameters<LaunchArrows['buildOnCluster']>) =>
        new Promise<never>((_, reject) => {
          line = () => on({ type: 'log', phase: 'build', line: 'step 1' });
          on({ type: 'update', phase: 'build', text: 'job 7 builds the image' });
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    } as unknown as LaunchArrows;
    const { buildOnCluster } = endpointArrows(own, builds, 'alice', () => {});
    const any = {} as never;
    const ended = buildOnCluster(any, any, any, any, any, (event) => told.push(event), never).catch((error) => {
      over = true;
      return error;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(over).toBe(false);
    line();
    expect(await ended).toMatchObject({ code: 'E-BUILD', message: expect.stringContaining('was not built within') });
    expect(told.map(({ type }) => type)).toEqual(['update', 'log']);
  });

  it('are refused where none are allowed, and a new policy holds for those that wait', async () => {
    const { build, going, limits } = world({ builds: 1, buildsPerUser: 5 });
    void build('a');
    void build('b');
    await settle();
    limits.builds = 3;
    void build('c');
    await settle();
    expect(going).toEqual(['a', 'b', 'c']);
    limits.builds = 0;
    await expect(build('d')).rejects.toMatchObject({ code: 'E-POLICY-FULL' });
  });
});
