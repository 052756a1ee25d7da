/** A whole launch through the sudo program: the image built by alice's own job, her session, its app, its end. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../cli/config-file.ts';
import { Builds } from '../../cli/serve/builds.ts';
import { People } from '../../cli/serve/people.ts';
import { Tokens } from '../../cli/serve/repository-tokens.ts';
import { ClusterServices } from '../../cli/serve/services.ts';
import type { Command, CommandResult } from '../../core/command.ts';
import type { KeptSession, LaunchGranted } from '../../core/endpoint.ts';
import { newSessionId } from '../../core/ids.ts';
import type { RemoteProcess } from '../../core/transport.ts';
import { UserTransport } from '../../transports/sudo/index.ts';
import { CLUSTER, on, ROOT } from '../e2e/rig.ts';
import { type GitServer, gitServer, sh } from '../repos/git-server.ts';
import { installed, wayThere } from './as-user-rig.ts';

const ran: { words: string; ended: Promise<unknown> }[] = [];

/** Writes down what is asked for and how it ended. */
class Recorded extends UserTransport {
  override async start(...asked: Parameters<UserTransport['start']>): Promise<RemoteProcess> {
    const process = await super.start(...asked);
    ran.push({ words: wordsOf(asked[0]), ended: process.ended });
    return process;
  }

  override async run(command: Command, signal?: AbortSignal): Promise<CommandResult> {
    const result = await super.run(command, signal);
    ran.push({ words: wordsOf(command), ended: Promise.resolve(result.ended) });
    return result;
  }
}

const wordsOf = ({ argv }: Command) => argv.map((word) => word.slice(0, 60).split('\n')[0]).join(' ');

describe('a launch by the endpoint’s services, as alice by sudo', () => {
  const { clusters } = loadConfig();
  const { host: _h, port: _p, user: _u, identity_file: _i, known_hosts: _k, ...entry } = clusters?.get(CLUSTER) ?? {};
  // of its own, so that the image is built, by a job of hers
  const store = `/scratch/alice/hpcbinder/as-user-${newSessionId()}`;
  const people = new People(
    async (account) => new Recorded(wayThere(account)),
    () => new Map([['here', { name: 'here', entry: { ...entry, image_store: store }, saved: true }]]),
  );
  const services = new ClusterServices({
    people,
    config: loadConfig(),
    own: 'alice',
    clusters: () => ['here'],
    git: () => ({ allowHttp: true }),
    builds: new Builds(() => ({ builds: 1, buildsPerUser: 1, buildAgeSeconds: 600 })),
    onRefused: (id, words) => refused.push(`${id} ${words}`),
    tokens: new Tokens(people, () => ({ repositories: { tokens: [] }, defaults: { cluster: 'here' } })),
  });
  const alice = { account: 'alice', shown: 'Alice', roles: ['user'] } as const;
  const kept: KeptSession[] = [];
  const refused: string[] = [];
  let session: KeptSession | undefined;

  let git: GitServer;

  beforeAll(async () => {
    await installed();
    git = await gitServer();
    const repo = join(git.root, 'quickstart.git');
    cpSync(join(ROOT, 'examples', 'quickstart'), repo, { recursive: true });
    sh(repo, 'init', '-q', '-b', 'main');
    sh(repo, 'add', '.');
    sh(repo, 'commit', '-qm', 'the quickstart');
  });
  afterAll(async () => {
    await services.close();
    await people.close();
    await git.close();
    await on('login', 'alice', `rm -rf ${store}`);
  });

  it.each(['/home/alice/private', './x', '~/x', 'file:///home/alice/private', 'ssh://git@host/x', 'ext::sh -c id'])(
    'GIT-04: of %s nothing is read, and nobody is asked',
    async (url) => {
      const how = { id: newSessionId(), keep: () => {}, signal: new AbortController().signal };
      const granted = {
        provider: 'git',
        spec: 'x',
        cluster: 'here',
        repo: { url, shown: 'x' },
        binds: [],
        idleSeconds: 60,
        notes: [],
      };
      await expect(services.launch(alice, granted, how).next()).rejects.toMatchObject({
        code: expect.stringMatching(/^E-(?:LINK|REPO)/),
      });
      await expect(services.resolve(alice, { url }, how.signal)).rejects.toMatchObject({
        code: expect.stringMatching(/^E-(?:LINK|REPO)/),
      });
      expect(ran).toEqual([]);
    },
  );

  it('comes to an app that answers', async () => {
    const granted: LaunchGranted = {
      provider: 'gh',
      spec: 'org/quickstart/HEAD',
      cluster: 'here',
      partition: 'debug',
      seconds: 900,
      repo: { url: `${git.url}/quickstart.git`, ref: 'main', shown: 'quickstart' },
      binds: [],
      idleSeconds: 600,
      notes: [],
    };
    const how = {
      id: newSessionId(),
      keep: (record: KeptSession) => kept.push(record),
      signal: new AbortController().signal,
    };
    const steps = services.launch(alice, granted, how);
    for (;;) {
      const step = await steps.next();
      if (step.done) {
        session = step.value;
        break;
      }
    }
    expect(session).toMatchObject({ phase: 'ready', id: how.id });
    expect(kept.length).toBeGreaterThan(1);
  });

  it.each(['127.0.0.1', 'localhost', 'login', 'c1', 'c2', '169.254.169.254', 'c1.evil.example'])(
    'NET-08: an address that says %s is connected to only where the scheduler has the job there',
    async (host) => {
      if (!session) throw new Error('no session');
      const { address, job: _, ...record } = session;
      const forged = { ...record, id: newSessionId(), address: { host, port: address?.port ?? 0 } };
      // the job is found by its name, too: of another session it is not
      await expect(services.connect(forged, 'alice')).rejects.toMatchObject({ code: 'E-AGENT', transient: true });
      const own = {
        ...forged,
        id: session.id,
        job: { state: 'running', raw: 'RUNNING', nodes: [address?.host ?? ''] },
      } as const;
      if (host === address?.host) return (await services.connect(own, 'alice')).destroy();
      await expect(services.connect(own, 'alice')).rejects.toMatchObject({ code: 'E-AGENT' });
      return undefined;
    },
  );

  it('NET-08: what leads elsewhere is told once, with the node that the scheduler knows', async () => {
    if (!session) throw new Error('no session');
    const { job: _, ...record } = session;
    await new Promise((resolve) => setTimeout(resolve, 10_500));
    refused.splice(0);
    const forged = { ...record, address: { host: 'login', port: 6817 } };
    for (let n = 0; n < 2; n++)
      await expect(services.connect(forged, 'alice')).rejects.toMatchObject({ code: 'E-AGENT', transient: false });
    expect(refused).toEqual([
      `${session.id} login is no node of job ${session.jobId}, which runs on ${session.address?.host}`,
    ]);
  });

  it('and the job and its files are hers', async () => {
    const { stdout } = await on(
      'login',
      'root',
      `squeue -h -o '%u' -n ${session?.id}; stat -c '%U %a' ${session?.directory}/job.json`,
    );
    expect(stdout).toBe('alice\nalice 600');
  });

  it('and ends in order', async () => {
    if (!session) throw new Error('no session');
    const ended = await services.stop(alice, session, () => undefined);
    expect(ended).toMatchObject({ phase: 'ended' });
  });

  it('and nothing that was needed for it was refused', async () => {
    const ends = await Promise.all(ran.map(async ({ words, ended }) => ({ words, ended: await ended })));
    const refused = ends.filter(({ ended }) => /"code":12[67]|lost/.test(JSON.stringify(ended)));
    expect(refused).toEqual([]);
    expect(ends.length).toBeGreaterThan(20);
  });
});
