/**
 * One builder for all users of a cluster: alice's launch has the image built by the builder's job, bob's takes it as it is; what bob
 * builds by himself, or puts in its place, reaches nobody else (BLD-02, SIF-02).
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../cli/config-file.ts';
import { Builds } from '../../cli/serve/builds.ts';
import { People } from '../../cli/serve/people.ts';
import { Tokens } from '../../cli/serve/repository-tokens.ts';
import { ClusterServices } from '../../cli/serve/services.ts';
import { ImageStore } from '../../converters/store.ts';
import type { KeptSession, LaunchGranted } from '../../core/endpoint.ts';
import { newSessionId } from '../../core/ids.ts';
import type { Progress } from '../../core/progress.ts';
import { UserTransport } from '../../transports/sudo/index.ts';
import { CLUSTER, on, ROOT } from '../e2e/rig.ts';
import { type GitServer, gitServer, sh } from '../repos/git-server.ts';
import { installed, root, wayThere } from './as-user-rig.ts';

const BUILDER = 'hpcbuild';
const UID = 2101;
const STORE = `/scratch/${BUILDER}/hpcbinder/images`;
const OWN = `hpcbinder/shared-${newSessionId()}`;

const { clusters } = loadConfig();
const { host: _h, port: _p, user: _u, identity_file: _i, known_hosts: _k, ...entry } = clusters?.get(CLUSTER) ?? {};
const people = new People(
  async (account) => new UserTransport(wayThere(account)),
  () => new Map([['here', { name: 'here', entry: { ...entry, image_store: `/scratch/$USER/${OWN}` }, saved: true }]]),
);
const services = new ClusterServices({
  people,
  config: loadConfig(),
  own: 'alice',
  clusters: () => ['here'],
  git: () => ({ allowHttp: true }),
  builds: new Builds(() => ({ builds: 1, buildsPerUser: 1, buildAgeSeconds: 900 })),
  shared: () => ({ as: BUILDER, store: STORE, partition: 'debug' }),
  tokens: new Tokens(people, () => ({ repositories: { tokens: [] }, defaults: { cluster: 'here' } })),
});

let git: GitServer;
let key: string;
const person = (account: string) => ({ account, shown: account, roles: ['user'] as const });
/** The store as somebody sees it who takes the builder's word alone. */
const storeAs = (account: string, directory = STORE, keeper = UID) =>
  new ImageStore(new UserTransport(wayThere(account)), directory, '/usr/bin/python3', keeper);

beforeAll(async () => {
  await installed();
  for (const host of ['login', 'c1', 'c2'] as const)
    await on(
      host,
      'root',
      `id ${BUILDER} >/dev/null 2>&1 || useradd -u ${UID} -s /bin/sh -M -d /home/${BUILDER} ${BUILDER}`,
    );
  await root(`usermod -aG hpcbinder-users ${BUILDER}; usermod -aG hpcbinder-users bob
    install -d -o ${BUILDER} -g ${BUILDER} -m 700 /home/${BUILDER}
    for d in /scratch/${BUILDER} /scratch/${BUILDER}/hpcbinder ${STORE}; do install -d -o ${BUILDER} -g ${BUILDER} -m 755 $d; done
    sacctmgr -i add user ${BUILDER} Account=lab DefaultAccount=lab QOS=normal DefaultQOS=normal >/dev/null 2>&1 || true`);
  git = await gitServer();
  const repo = join(git.root, 'quickstart.git');
  cpSync(join(ROOT, 'examples', 'quickstart'), repo, { recursive: true });
  sh(repo, 'init', '-q', '-b', 'main');
  sh(repo, 'add', '.');
  sh(repo, 'commit', '-qm', 'the quickstart');
});

afterAll(async () => {
  await services.close();
  await git?.close();
  await root(
    `rm -rf /scratch/${BUILDER} /scratch/alice/${OWN} /scratch/bob/${OWN}; scancel -u ${BUILDER},alice,bob || true`,
  );
});

/** To an app that answers, and its end; all that was said on the way. */
async function launched(account: string): Promise<{ session: KeptSession; said: readonly Progress[] }> {
  const granted: LaunchGranted = {
    provider: 'git',
    spec: 'x',
    cluster: 'here',
    partition: 'debug',
    seconds: 900,
    repo: { url: `${git.url}/quickstart.git`, ref: 'main', shown: 'quickstart' },
    binds: [],
    idleSeconds: 600,
    notes: [],
  };
  const how = { id: newSessionId(), keep: () => {}, signal: new AbortController().signal };
  const steps = services.launch(person(account), granted, how);
  const said: Progress[] = [];
  for (;;) {
    const step = await steps.next();
    if (!step.done) {
      said.push(step.value);
      continue;
    }
    await services.stop(person(account), step.value, () => undefined);
    return { session: step.value, said };
  }
}

describe('the images of a builder that all use', () => {
  it("alice's launch has a job of the builder make it, in a store that is the builder's", async () => {
    const { session, said } = await launched('alice');
    expect(session).toMatchObject({ phase: 'ready' });
    expect(session.sif).toBe(`${STORE}/${session.key}.sif`);
    key = session.key;
    expect(JSON.stringify(said)).toMatch(/hpcbuild builds the image, for all users/);
    expect(await root(`stat -c '%U %a' ${session.sif} ${STORE}`)).toBe(`${BUILDER} 644\n${BUILDER} 755\n`);
    const jobs = await root('sacct -a -X -n -P -S now-1hour -o User,JobName,NodeList');
    expect(jobs).toMatch(/^hpcbuild\|hb-[a-z0-9]{10}\|c[12]$/m);
  });

  it("bob's takes the same image, and nothing is built", async () => {
    const { session, said } = await launched('bob');
    expect(session).toMatchObject({ phase: 'ready', sif: `${STORE}/${key}.sif` });
    expect(JSON.stringify(said)).not.toMatch(/builds the image/);
    expect((await root(`ls /scratch/bob/${OWN}/*.sif 2>/dev/null || echo none`)).trim()).toBe('none');
  });

  it('SIF-02: bob can neither write the store, its images, nor a lock in it, by hand or by the sudo program', async () => {
    for (const what of [
      `touch ${STORE}/x`,
      `echo x >> ${STORE}/${key}.sif`,
      `mv ${STORE}/${key}.json /tmp/x`,
      `rmdir ${STORE}`,
      `mkdir ${STORE}/${key}.lock`,
    ])
      expect((await on('login', 'bob', what)).code).not.toBe(0);
    await expect(storeAs('bob').remove(key)).rejects.toMatchObject({ code: 'E-REMOTE' });
    expect(await storeAs('alice').has(key)).toBeDefined();
  });

  it("BLD-02: what bob builds under the same key, in a store of his, is not taken for the builder's", async () => {
    await on(
      'login',
      'bob',
      `mkdir -p /scratch/bob/${OWN} && cp ${STORE}/${key}.* /scratch/bob/${OWN}/ && chmod -R a+rX,go-w /scratch/bob/hpcbinder /scratch/bob/${OWN}`,
    );
    await expect(storeAs('alice', `/scratch/bob/${OWN}`).has(key)).rejects.toMatchObject({
      code: 'E-STORE',
      message: expect.stringMatching(/belongs to user 2002 and not to user 2101/),
    });
  });

  it('a store that others may write is not used, whoever it belongs to', async () => {
    await root(`chmod 775 ${STORE}`);
    try {
      await expect(storeAs('alice').has(key)).rejects.toMatchObject({ code: 'E-STORE' });
    } finally {
      await root(`chmod 755 ${STORE}`);
    }
  });

  it('a file in it that was changed is refused to readers, and set aside by the builder', async () => {
    await root(`printf x | dd of=${STORE}/${key}.sif bs=1 seek=100000 conv=notrunc status=none`);
    await expect(storeAs('alice').has(key)).rejects.toMatchObject({ code: 'E-IMAGE-DAMAGED' });
    const why: string[] = [];
    expect(await storeAs(BUILDER).has(key, { onDamaged: (words) => why.push(words) })).toBeUndefined();
    expect(why.join()).toMatch(/another content than was stored/);
    expect(await storeAs('alice').has(key)).toBeUndefined();
  });

  it('no session runs as the builder', async () => {
    await expect(launched(BUILDER)).rejects.toMatchObject({ code: 'E-USER' });
  });
});
