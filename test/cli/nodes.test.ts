/** NET-08: an endpoint connects to a session's address only where the scheduler has its job on that node. */
import { describe, expect, it } from '@jest/globals';
import { type Addressed, isOneOf, Nodes } from '../../cli/serve/nodes.ts';
import type { JobRef } from '../../core/scheduler.ts';

const owner = { uid: 2001, user: 'alice' };
const session = (host: string, nodes: readonly string[] = []): Addressed => ({
  id: 'hb-aaaaaaaaaa',
  cluster: 'campus',
  jobId: '7',
  address: { host, port: 40000 },
  job: { state: 'running', raw: 'RUNNING', nodes },
});

function world(answer: readonly string[] | undefined) {
  const asked: JobRef[] = [];
  const refused: string[] = [];
  const clock = { at: 0 };
  const nodes = new Nodes({
    ask: async (_cluster, job) => {
      asked.push(job);
      return answer;
    },
    onRefused: (_session, words) => refused.push(words),
    now: () => clock.at,
  });
  return { asked, refused, clock, nodes };
}

describe('NET-08: the address of a session', () => {
  it.each([
    ['c1', ['c1']],
    ['C1.Cluster.Example.edu', ['c1']],
    ['c1', ['c1.cluster.example.edu']],
    ['10.0.0.5', ['10.0.0.5']],
  ])('%s is one of %j', (host, nodes) => {
    expect(isOneOf(host, nodes)).toBe(true);
  });

  it.each([
    ['c2', ['c1']],
    ['c1.evil.example', ['c1.cluster.example.edu']],
    ['c11', ['c1']],
    ['login', ['c1', 'c2']],
    ['127.0.0.1', ['127']],
    ['10.0.0.5', ['10']],
    ['169.254.169.254', ['c1']],
    ['localhost', []],
  ])('%s is none of %j', (host, nodes) => {
    expect(isOneOf(host, nodes)).toBe(false);
  });

  it('is asked about once, with the job and whose it is, and then known', async () => {
    const { nodes, asked } = world(['c1']);
    await nodes.check(session('c1'), owner);
    await nodes.check(session('c1'), owner);
    expect(asked).toEqual([{ id: '7', tag: 'hb-aaaaaaaaaa', owner }]);
    expect(nodes.has(session('c1'))).toBe(true);
    expect(nodes.has(session('c2'))).toBe(false);
  });

  it('is asked about once by all who come at the same time', async () => {
    const { nodes, asked } = world(['c1']);
    await Promise.all([1, 2, 3].map(() => nodes.check(session('c1'), owner)));
    expect(asked).toHaveLength(1);
  });

  it('needs no question where the poll has told the nodes already', async () => {
    const { nodes, asked } = world(undefined);
    await nodes.check(session('c1', ['c1']), owner);
    expect(asked).toEqual([]);
  });

  it.each(['127.0.0.1', 'login', 'c2', '169.254.169.254'])(
    'that says %s is refused, told once, and not asked about again at once',
    async (host) => {
      const { nodes, asked, refused, clock } = world(['c1']);
      for (let n = 0; n < 3; n++)
        await expect(nodes.check(session(host), owner)).rejects.toMatchObject({ code: 'E-AGENT', transient: false });
      expect(asked).toHaveLength(1);
      expect(refused).toEqual([`${host} is no node of job 7, which runs on c1`]);
      clock.at = 10_001;
      await expect(nodes.check(session(host), owner)).rejects.toMatchObject({ code: 'E-AGENT' });
      expect(asked).toHaveLength(2);
    },
  );

  it('changed every moment costs no query every moment', async () => {
    const { nodes, asked } = world(['c1']);
    for (const host of ['c2', 'c3', 'c4', 'c5']) await expect(nodes.check(session(host), owner)).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  it('a scheduler that says nothing vouches for nothing, and the next try asks again', async () => {
    const { nodes, asked, refused, clock } = world(undefined);
    for (const at of [0, 1_000, 3_001]) {
      clock.at = at;
      await expect(nodes.check(session('c1'), owner)).rejects.toMatchObject({ code: 'E-AGENT', transient: true });
    }
    expect(asked).toHaveLength(2);
    expect(refused).toEqual([]);
  });

  it('that leads elsewhere is refused, also where that cannot be written down', async () => {
    const nodes = new Nodes({
      ask: async () => ['c1'],
      onRefused() {
        throw new Error('the disk fails');
      },
    });
    await expect(nodes.check(session('c2'), owner)).rejects.toMatchObject({
      code: 'E-AGENT',
      message: expect.stringContaining('no node of its job 7'),
    });
  });
});
