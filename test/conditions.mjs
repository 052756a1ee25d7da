// What these tests have no means to show on this machine, looked for anew at each run: listed as not run, never as passed.
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const onPath = (name) =>
  (process.env.PATH ?? '').split(delimiter).some((dir) => dir !== '' && existsSync(join(dir, name)));

const CONDITIONS = [
  ['a session with --nv: no NVIDIA driver here', () => existsSync('/dev/nvidiactl')],
  ['a session with --rocm: no AMD driver here', () => existsSync('/dev/kfd')],
  ['a build by Podman: it is not installed', () => onPath('podman')],
  // the devcluster's Slurm runs without cgroups; agent and messages are tested on recorded and written words only
  ['a job killed by the kernel for its memory: the devcluster has no memory cgroups', () => false],
  ['SingularityCE: only Apptainer under its name', () => false],
  ['a partition of another architecture: one machine, one architecture', () => false],
  ['the agent on Python 3.6: none here', () => onPath('python3.6') || pyenvHas('3.6')],
  ['a login node of a real site: HPCBINDER_TEST_HOST is not set', () => Boolean(process.env.HPCBINDER_TEST_HOST)],
  [
    'RStudio: not run, HPCBINDER_TEST_RSTUDIO names no rstudio-server.deb',
    () => Boolean(process.env.HPCBINDER_TEST_RSTUDIO),
  ],
];

function pyenvHas(version) {
  const root = join(process.env.HOME ?? '', '.pyenv', 'versions');
  return existsSync(root) && readdirSync(root).some((name) => name.startsWith(`${version}.`));
}

export function cannotBeShown() {
  return CONDITIONS.filter(([, met]) => !met()).map(([why]) => why);
}
