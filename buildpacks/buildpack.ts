/** What a builder is: two pure functions over the repository's listing and texts. */
import type {
  BaseImage,
  BuildPlan,
  EnvironmentSpec,
  PipDefinition,
  Platform,
  RepoFiles,
  ResolvedRepo,
} from '../core/artifacts.ts';
import type { PythonOffer } from './bases.ts';
import type { ConfigDir } from './configdir.ts';

export type Facts = {
  platform: Platform;
  /** of `spec.python.version`; absent for a Dockerfile */
  base?: BaseImage;
  repo: ResolvedRepo;
  /** `hpcbinder 0.1.0` */
  tool: string;
  pip?: PipDefinition;
  /** where that tool builds: which one */
  repo2docker?: NonNullable<BuildPlan['repo2docker']>;
};

export interface Buildpack {
  readonly name: EnvironmentSpec['builder'];
  /** undefined: another builder's repository */
  detect(files: RepoFiles, dir: ConfigDir, offer: PythonOffer): EnvironmentSpec | undefined;
  plan(spec: EnvironmentSpec, files: RepoFiles, facts: Facts): BuildPlan;
}

/** repo2docker's names, then ours; sorted. No credentials can be in here: a ResolvedRepo's URL has none. */
export function labelsOf(facts: Facts): [string, string][] {
  const { repo, tool } = facts;
  const labels: [string, string | undefined][] = [
    ['hpcbinder.commit', repo.commit],
    ['hpcbinder.repo', repo.kind === 'git' ? repo.url : 'local'],
    ['hpcbinder.schema', '1'],
    ['hpcbinder.tool', tool],
    ['repo2docker.ref', repo.kind === 'git' ? (repo.ref ?? repo.commit) : undefined],
    ['repo2docker.repo', repo.kind === 'git' ? repo.url : 'local'],
  ];
  return labels.filter((label): label is [string, string] => label[1] !== undefined);
}
