/** A build on the cluster: the files that the job's directory needs, and what they answer. The job itself is run elsewhere. */
import { readFile } from 'node:fs/promises';
import type { BuildPlan, EnvironmentKey, PlanStep } from '../core/artifacts.ts';
import { ok, type Question, succeeded, textOf } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { CONTEXT_FILE, type DefinitionBase, renderDefinition, STEP_MARK } from './definition.ts';
import { needsOtherIds } from './id-packages.ts';

export type ClusterBuild = {
  /** of the job: its whole name in the queue */
  tag: string;
  key: EnvironmentKey;
  base: DefinitionBase;
  /** command or path of apptainer or singularity there */
  container: string;
  /** absolute, of the user, on the shared disk */
  scratch: string;
  /** absolute path of the SIF */
  output: string;
  /** shell text of the user's or site's config, never of a repository */
  prologue: string;
  /** the same, at its end */
  epilogue: string;
  /** `host port` that the steps fetch from: without a way to them the job ends at once. None: not looked at */
  reach: readonly string[];
};

export const BUILD_SCRIPT = 'build-job.sh';
export const BUILD_LOG = 'job.log';

/** Names relative to the job's directory. `context.tar` (CONTEXT_FILE) is written beside them from the build context's stream. */
export async function clusterBuildFiles(
  plan: BuildPlan,
  build: ClusterBuild,
): Promise<{ name: string; mode: number; text: string }[]> {
  for (const value of [build.container, build.scratch, build.output]) {
    if (/[\n\0]/.test(value))
      throw new HpcbinderError('E-CONFIG', { message: 'a path with a newline is none for a build' });
  }
  const file = (name: string, text: string, mode = 0o600) => ({ name, mode, text });
  return [
    file('image.def', renderDefinition(plan, build.key, build.base)),
    file('container', `${build.container}\n`),
    file('scratch', `${build.scratch}\n`),
    file('output', `${build.output}\n`),
    ...(needsOtherIds(plan).length > 0 ? [file('needs-ids', '')] : []),
    ...(build.epilogue === '' ? [] : [file('epilogue.sh', `${build.epilogue}\n`)]),
    ...(build.reach.length === 0 ? [] : [file('reach', `${build.reach.join('\n')}\n`)]),
    ...(build.prologue === '' ? [] : [file('prologue.sh', `${build.prologue}\n`)]),
    file(BUILD_SCRIPT, await readFile(new URL(BUILD_SCRIPT, import.meta.url), 'utf8'), 0o700),
    // last: a directory without it is one whose build never began
    file('tag', `${build.tag}\n`),
  ];
}

export { CONTEXT_FILE };

export type BuildResult = { bytes: number; sha256: string };
/** What lies in a build's directory: nobody's, or that of the job of this name, with its result where it has one. */
export type FoundBuild = { tag: string; result?: BuildResult };

/** The SIF is looked for too: a result without its file is none. */
export const FIND = `cd -- "$1" 2>/dev/null || exit 0
cat tag 2>/dev/null || exit 0
if [ -f "$2" ] && [ -f result ] && [ "$(head -n 1 result)" = "$(($(wc -c < "$2")))" ]; then cat result; fi`;

/** `directory` of the build, `output` its SIF. */
export function findBuild(directory: string, output: string): Question<FoundBuild | undefined> {
  return {
    command: { argv: ['sh', '-c', FIND, 'sh', directory, output] },
    parse: (answer) => {
      const [tag = '', ...rest] = succeeded(answer) ? textOf(answer.stdout).split('\n') : [];
      const result = parseBuildResult(rest.join('\n'));
      return ok(/^hb-[a-z0-9]{10}$/.test(tag) ? { tag, ...(result ? { result } : {}) } : undefined);
    },
  };
}

/** Of the file `result`: undefined where the build did not come so far. */
export function parseBuildResult(text: string | undefined): BuildResult | undefined {
  const match = /^([0-9]{1,15})\n([0-9a-f]{64})\n$/.exec(text ?? '');
  return match?.[1] === undefined || match[2] === undefined ? undefined : { bytes: Number(match[1]), sha256: match[2] };
}

/** The step at which a build's log ends, with its lines: for the same words about a failure as a build here has. */
export function lastStep(
  plan: BuildPlan,
  log: readonly string[],
): { step: Extract<PlanStep, { kind: 'run' }> | undefined; what: string; lines: string[] } {
  const at = log.findLastIndex((line) => line.startsWith(STEP_MARK));
  const name = at < 0 ? '' : (log[at] ?? '').replace(/^.*? of [0-9]+: /, '');
  const step = plan.steps.find((one) => one.kind === 'run' && one.name === name);
  return {
    step: step?.kind === 'run' ? step : undefined,
    what: name === '' ? 'apptainer build' : name,
    lines: log.slice(at + 1),
  };
}
