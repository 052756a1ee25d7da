/** `--builder repo2docker`: the upstream tool decides and builds; here is only what a plan can know of that. */
import type { RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { type Buildpack, labelsOf } from './buildpack.ts';
import { type ConfigDir, configFile, within } from './configdir.ts';
import { REPO_DIR, SOURCE_DATE_EPOCH, USER } from './image.ts';
import { regularFile } from './locate.ts';
import { wholeTree } from './tree.ts';
import { claimOf } from './unsupported.ts';

/** Of every image that repo2docker makes but from a Dockerfile (REES section 6.5). */
const ENTRYPOINT = '/usr/local/bin/repo2docker-entrypoint';

/** What repo2docker 2026.4 opens on the host, before any container: through a link it would read files of this machine. */
const READ_ON_HOST = [
  ...['.containerignore', '.dockerignore', 'DESCRIPTION', 'Dockerfile', 'JuliaProject.toml', 'Pipfile', 'Pipfile.lock'],
  ...['Project.toml', 'REQUIRE', 'apt.txt', 'default.nix', 'environment.yaml', 'environment.yml', 'install.R'],
  ...['postBuild', 'pyproject.toml', 'requirements.txt', 'requirements3.txt', 'runtime.txt', 'setup.py', 'start'],
];

export const repo2docker: Buildpack = {
  name: 'repo2docker',

  detect(files, configDir) {
    refuseLinksOut(files, configDir);
    const dockerfile = configFile(files, configDir, 'Dockerfile')?.path;
    const start = configFile(files, configDir, 'start')?.path;
    return {
      builder: 'repo2docker',
      configDir,
      apt: [],
      requirements: [],
      package: false,
      upstream: dockerfile ?? claimInWords(files, configDir),
      ...(dockerfile === undefined ? {} : { dockerfile }),
      ...(start === undefined || dockerfile !== undefined ? {} : { start: within(configDir, 'start') }),
      wholeTree: { by: '--builder repo2docker', why: 'reads the whole repository' },
      ignored: [],
      notes: [],
    };
  },

  plan(spec, files, facts) {
    if (facts.repo2docker === undefined) {
      throw new HpcbinderError('E-INTERNAL', { message: 'a plan for repo2docker needs to know which one' });
    }
    return {
      schema: 1,
      builder: 'repo2docker',
      platform: facts.platform,
      repo2docker: facts.repo2docker,
      repoDir: REPO_DIR,
      user: USER,
      env: spec.start === undefined ? [] : [['R2D_ENTRYPOINT', `${REPO_DIR}/${spec.start}`]],
      // the tool applies .dockerignore by rules of its own: all that it is given counts
      steps: [wholeTree(files, facts, [], [])],
      entrypoint: spec.dockerfile === undefined ? [ENTRYPOINT] : [],
      contentInImage: true,
      ...(spec.wholeTree === undefined ? {} : { widened: spec.wholeTree }),
      sourceDateEpoch: SOURCE_DATE_EPOCH,
      labels: [['hpcbinder.builder', `repo2docker ${facts.repo2docker.version}`], ...labelsOf(facts)],
      reads: [],
    };
  },
};

/** E-REPO-FILE for a link that leads out of the repository, in the root as well, whatever hides it. */
function refuseLinksOut(files: RepoFiles, dir: ConfigDir): void {
  for (const name of READ_ON_HOST) for (const at of new Set([within(dir, name), name])) regularFile(files, at);
}

function claimInWords(files: RepoFiles, dir: ConfigDir): string {
  const claim = claimOf(files, dir);
  if (claim !== undefined) return `${claim.name} (${claim.file})`;
  const requirements = configFile(files, dir, 'requirements.txt')?.path;
  return requirements === undefined ? 'Python' : `Python (${requirements})`;
}
