import { describe, expect, it } from '@jest/globals';
import type { Checkout } from '../../core/artifacts.ts';
import type { Cluster } from '../../core/cluster.ts';
import { SESSION_ID } from '../../core/ids.ts';
import { assemble, type Parts, type SessionSettings } from '../../sessions/assemble.ts';
import type { JobParameters } from '../../sessions/parameters.ts';
import { session } from './example.ts';

const cluster = {
  profile: {
    name: 'hpc',
    host: 'login.hpc.example.edu',
    home: '/home/alice',
    user: 'alice',
    container: { command: '/usr/bin/apptainer', flavor: 'apptainer', version: '1.4.5' },
    python: '/usr/bin/python3',
    stateDir: '/home/alice/.local/state/hpcbinder',
    workDir: '/home/alice/hpcbinder',
    prologue: 'module load apptainer\n',
    binds: [
      { from: '~/data', to: '/data', readOnly: false },
      { from: '/site', to: '/site', readOnly: true },
    ],
    trust: ['github.com/org/trusted'],
    scratch: '/scratch/alice',
    ports: [],
  },
} as unknown as Cluster;
const settings: SessionSettings = {
  id: session.id,
  machine: 'laptop',
  binds: [],
  variables: [],
  fresh: false,
  limits: { idleSeconds: 3600 },
};
const repo = {
  kind: 'git',
  url: 'https://github.com/org/repo',
  host: 'github.com',
  path: 'org/repo',
  commit: 'c'.repeat(40),
};
const parts = {
  checkout: { repo } as Checkout,
  content: { id: 'commit:ccccccccc', content: '/s/c.tar', bytes: 1, reused: false },
  sif: { path: '/s/k.sif', receipt: { key: 'k', bytes: 5, contentInImage: false } },
  entrypoint: [],
  app: 'lab',
  request: session.request,
} as unknown as Parts;

async function made(own: Partial<SessionSettings> = {}, more: Partial<Parts> = {}) {
  const result = await assemble(cluster, { ...settings, ...own }, { ...parts, ...more }, 'hpcbinder 1');
  const file = (name: string) => result.files.find((each) => each.name === name);
  return { ...result, file, parameters: JSON.parse(file('job.json')?.text ?? '') as JobParameters };
}

describe('a launch that goes on from another session', () => {
  const former = { ...session, id: 'hb-0000000000', workDirectory: '/home/alice/hpcbinder/x/y/z-2', localPort: 4711 };

  it('has its work directory and no other, its name, port and cookies in the browser; its own keys and token', async () => {
    const continues = { ...former, secrets: { ...former.secrets, cookieKey: 'c'.repeat(64) } };
    const { record, parameters } = await made({ continues });
    expect(record).toMatchObject({ id: session.id, workDirectory: former.workDirectory, localPort: 4711 });
    expect(record.originId).toBe(former.id);
    expect(record.secrets.cookieKey).toBe('c'.repeat(64));
    expect(record.secrets.appToken).toMatch(/^[0-9a-f]{64}$/);
    expect(parameters.work).toMatchObject({ directory: former.workDirectory, ended: [former.id], exact: true });
    const third = await made({ continues: { ...continues, id: 'hb-1111111111', originId: former.id } });
    expect(third.record.originId).toBe(former.id);
  });

  it('sees what the other saw, but for what only trust in the repository had opened', async () => {
    const seen = (path: string) => ({ from: path, to: path, readOnly: false });
    const continues = { ...former, binds: [seen('/data'), seen('/home/alice'), seen('/scratch/alice')] };
    const { record } = await made({ continues });
    expect(record.binds?.map(({ to }) => to)).toEqual(['/data', '/site']);
  });
});

describe('a launch that is decided', () => {
  it('is a record, a directory and a job of one name', async () => {
    const { record, job } = await made();
    expect(record.id).toMatch(SESSION_ID);
    expect(record.directory).toBe(`/home/alice/.local/state/hpcbinder/sessions/${session.id}`);
    expect(job).toMatchObject({ tag: session.id, directory: record.directory, comment: 'hpcbinder 1' });
    expect(record.repo).toEqual({ shown: 'org/repo', url: repo.url, commit: repo.commit });
  });

  it('has its secrets in files that only their owner reads, and nowhere in the job', async () => {
    const { record, files, job, file } = await made();
    for (const { name, mode } of files) expect(mode).toBe(name === 'job.sh' ? 0o700 : 0o600);
    const secrets = [record.secrets.appToken, record.secrets.cookieKey, record.secrets.clientKey];
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(60);
      expect(JSON.stringify(job)).not.toContain(secret);
      for (const name of ['job.sh', 'agent.py', 'prologue.sh', 'python'])
        expect(file(name)?.text).not.toContain(secret);
    }
  });

  it('gives the node the agent’s half of the keys only', async () => {
    const { record, parameters, file } = await made();
    const node = file('job.json')?.text ?? '';
    for (const half of [record.secrets.clientKey, record.secrets.clientCert, record.secrets.cookieKey])
      expect(node).not.toContain(JSON.stringify(half).slice(1, -1));
    expect(parameters.tls.key).not.toBe(record.secrets.clientKey);
    expect(parameters.app.token).toBe(record.secrets.appToken);
  });

  it('has keys of its own each time', async () => {
    const [a, b] = [await made(), await made()];
    for (const key of ['ca', 'clientKey', 'appToken', 'cookieKey'] as const)
      expect(a.record.secrets[key]).not.toBe(b.record.secrets[key]);
  });

  it('has one script for all sessions', async () => {
    const [a, b] = [await made(), await made({ id: 'hb-aaaaaaaaaa', fresh: true })];
    expect(a.file('job.sh')?.text).toBe(b.file('job.sh')?.text);
    expect(a.file('agent.py')?.text).toBe(b.file('agent.py')?.text);
  });
});

describe('what a session sees', () => {
  it('is what the entry and the user name, with ~ as the home there', async () => {
    const { parameters, record } = await made({ binds: [{ from: '~/mine', to: '~/mine', readOnly: false }] });
    expect(parameters.container.binds).toEqual([
      { from: '/home/alice/data', to: '/data', readOnly: false },
      { from: '/site', to: '/site', readOnly: true },
      { from: '/home/alice/mine', to: '/home/alice/mine', readOnly: false },
    ]);
    expect(record.binds).toEqual(parameters.container.binds);
  });

  it('is in one place what the user says, not what the entry says', async () => {
    const { parameters } = await made({ binds: [{ from: '/other', to: '/data', readOnly: true }] });
    expect(parameters.container.binds.filter(({ to }) => to === '/data')).toEqual([
      { from: '/other', to: '/data', readOnly: true },
    ]);
  });

  it('holds home and scratch for a repository that is trusted, and for no other', async () => {
    const trusted = { checkout: { repo: { ...repo, path: 'org/trusted' } } as Checkout };
    const froms = async (more: Partial<Parts>) =>
      (await made({}, more)).parameters.container.binds.map(({ from }) => from);
    expect(await froms(trusted)).toEqual(expect.arrayContaining(['/home/alice', '/scratch/alice']));
    expect(await froms({})).not.toContain('/home/alice');
    expect(
      await froms({
        checkout: { repo: { ...repo, host: 'evil.example', path: 'github.com/org/trusted' } } as Checkout,
      }),
    ).not.toContain('/home/alice');
  });

  it('has GPUs only where some were asked for', async () => {
    expect((await made()).parameters.container.gpu).toBe('auto');
    const none = { ...session.request, gpus: 0 };
    expect((await made({}, { request: none })).parameters.container.gpu).toBe('none');
  });
});

it('an image that was named by its path has a work directory of its own, and its content is the image’s', async () => {
  const sif = { path: '/scratch/test/jupyter.sif', receipt: { key: 'given', bytes: 0, contentInImage: true } };
  const given = { checkout: undefined, content: undefined, sif } as unknown as Partial<Parts>;
  const { record, parameters } = await made({}, given);
  expect(record.repo).toEqual({ shown: sif.path });
  expect(record.workDirectory).toMatch(/^\/home\/alice\/hpcbinder\/given\/jupyter-[0-9a-f]{6}$/);
  expect(parameters.work).toMatchObject({ content: null, git: null, imageHasContent: true });
  expect(parameters.container).not.toHaveProperty('bytes');
});
