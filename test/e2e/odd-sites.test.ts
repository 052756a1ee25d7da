/** Sites as they are: commands that only a login profile or a module offers, another container command, full disks. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { CLUSTER, hpcbinder, on } from './rig.ts';
import { SHARED_SIF, sharedImage } from './stored.ts';
import { Terminal } from './terminal.ts';
import { OwnWorld } from './worlds.ts';

const world = new OwnWorld({
  user: 'bob',
  state_dir: '/home/bob/odd/state',
  work_dir: '/home/bob/odd/work',
  image_store: '/home/bob/odd/images',
});
const SITE = '/home/bob/odd';
const LAUNCH = ['launch', '--sif', SHARED_SIF, '--mem', '500M', '--cpus', '1', '--time', '5', '--no-browser'];

/** A PATH without scheduler and container command, and these in directories of their own. */
const PREPARE = `
cp -f ~/.bashrc ~/.bashrc.kept
mkdir -p ${SITE}/bare ${SITE}/slurm ${SITE}/apptainer ${SITE}/singularity
for f in /usr/bin/*; do
  case \${f##*/} in
    sbatch|squeue|scancel|scontrol|sinfo|sacct|sacctmgr) ln -sf $f ${SITE}/slurm/;;
    apptainer|singularity) ;;
    *) ln -sf $f ${SITE}/bare/;;
  esac
done
ln -sf /usr/bin/apptainer ${SITE}/apptainer/apptainer
cat > ${SITE}/singularity/singularity <<'X'
#!/bin/sh
env | sed -n 's/^\\([A-Z]*\\)ENV_OMP_NUM_THREADS=.*/\\1/p' >> ${SITE}/prefixes
exec /usr/bin/apptainer "$@"
X
chmod +x ${SITE}/singularity/singularity
`;

/** Every shell of bob's starts with a bare PATH; what `login` says, his login shells do after that. */
async function profile(login: string): Promise<void> {
  const bare = `PATH=${SITE}/bare`;
  await on(
    'login',
    'bob',
    `printf '%s\\n' '${bare}' | tee ~/.bashrc > ~/.bash_profile; echo '${login}' >> ~/.bash_profile`,
  );
}

function cluster(change: Record<string, unknown>): void {
  const all = { schema: 1, default: CLUSTER, clusters: { [CLUSTER]: { ...world.entry, ...change } } };
  writeFileSync(join(world.env.HPCBINDER_CONFIG ?? '', 'config.yaml'), stringify(all), { mode: 0o600 });
}

async function launched(...more: string[]) {
  const { code, stderr, stdout } = await hpcbinder([...LAUNCH, ...more], { env: world.env });
  return { code, said: stderr, session: stdout, id: /code +(E-[A-Z-]+)/.exec(stderr)?.[1] };
}

const BOTH = { path: [`${SITE}/slurm`, `${SITE}/apptainer`] };

beforeAll(async () => {
  await sharedImage();
  await on('login', 'bob', PREPARE);
  await on(
    'login',
    'root',
    `install -m 755 $(readlink -f /usr/bin/python3) /usr/local/bin/login-python; mkdir -p /mnt/full; mount -t tmpfs -o size=8k,mode=1777 tmpfs /mnt/full; dd if=/dev/zero of=/mnt/full/x bs=4096 count=2`,
  );
});

afterAll(async () => {
  await on('login', 'root', 'umount /mnt/full; rm -rf /mnt/full /usr/local/bin/login-python; scancel -u bob');
  await on('login', 'bob', `mv -f ~/.bashrc.kept ~/.bashrc; rm -rf ~/.bash_profile ${SITE}`);
  await world[Symbol.asyncDispose]();
});

describe('what a site does not offer', () => {
  it('no scheduler is told, with the setting that names its folder', async () => {
    await profile('true');
    cluster({});
    expect(await launched()).toMatchObject({
      code: 1,
      id: 'E-NO-SCHEDULER',
      said: expect.stringMatching(/path: \[.*Nothing was submitted/s),
    });
  });

  it('no container command is told, with the settings that name it', async () => {
    cluster({ path: [`${SITE}/slurm`] });
    expect(await launched()).toMatchObject({
      code: 1,
      id: 'E-NO-CONTAINER',
      said: expect.stringMatching(/modules: \[NAME\]/),
    });
  });

  it('a Python or an Apptainer that only the login node has is named as such', async () => {
    cluster({ ...BOTH, python: '/usr/local/bin/login-python' });
    expect(await launched()).toMatchObject({
      id: 'E-NO-PYTHON',
      said: expect.stringMatching(/the compute node has no \/usr\/local\/bin\/login-python/),
    });
    cluster({ path: [`${SITE}/slurm`], apptainer: '/opt/nosuch/apptainer' });
    expect(await launched()).toMatchObject({
      id: 'E-NO-CONTAINER',
      said: expect.stringMatching(/the compute node has no \/opt\/nosuch\/apptainer/),
    });
  });

  it('a full disk is told before anything is submitted, and no half session stays', async () => {
    cluster({ ...BOTH, state_dir: '/mnt/full/state' });
    expect(await launched()).toMatchObject({
      code: 1,
      id: 'E-DISK-FULL',
      said: expect.stringMatching(/the disk has 0 B[\s\S]*state_dir/),
    });
    expect((await on('login', 'bob', 'ls -A /mnt/full/state/sessions')).stdout).toBe('');
  });
});

describe('what a site offers in its own way', () => {
  it.each([
    ['only in the login profile', `PATH=$PATH:${SITE}/slurm:${SITE}/apptainer`, {}],
    ['by the prologue of the entry', 'true', { prologue: `PATH=$PATH:${SITE}/slurm:${SITE}/apptainer` }],
    ['by modules of the entry', MODULES(), { modules: ['slurm', 'apptainer'] }],
    ['the container command by a module that nobody named', `PATH=$PATH:${SITE}/slurm; ${MODULES()}`, {}],
  ])('%s: the job is submitted', async (_how, login, entry) => {
    await profile(login);
    cluster(entry);
    const done = await launched('--detach');
    expect(done).toMatchObject({ code: 0, session: expect.stringMatching(/^hb-/) });
    await hpcbinder(['stop', done.session], { env: world.env });
  });

  it('singularity alone: it is used, and its own names carry the environment', async () => {
    await profile('true');
    cluster({ path: [`${SITE}/slurm`, `${SITE}/singularity`] });
    const terminal = new Terminal(LAUNCH, world.env);
    await terminal.until(/http:\/\/\S+\/\?c=/, 60_000);
    terminal.type('\x03');
    await terminal.until(/lives on|stop/);
    terminal.type('\x03');
    await terminal.ended();
    expect([...new Set((await on('login', 'bob', `cat ${SITE}/prefixes`)).stdout.split('\n'))]).toEqual([
      'SINGULARITY',
    ]);
  });
});

function MODULES(): string {
  return `module() { [ "$1" = load ] || return 0; shift; for m; do case $m in slurm|apptainer) PATH=$PATH:${SITE}/$m;; *) return 1;; esac; done; }`;
}
