/**
 * BuildPlan → Dockerfile, pure. Exec forms only, and files come from folders of the context that we name: nothing that
 * a repository wrote is ever parsed as Dockerfile syntax. No heredocs, no `--mount`, no `# syntax=`: the classic builder
 * and Podman before 4.1 know none of them.
 */
import type { BuildPlan, PlanStep } from '../core/artifacts.ts';
import { PREPARE_SETTINGS, SETTINGS_CONTEXT, SETTINGS_DIR, stepContext } from '../core/build-context.ts';
import { HpcbinderError } from '../core/errors.ts';
import { quote } from '../core/shell.ts';
import { hasControls } from '../core/text.ts';

/** `name`: what the line does, for people. */
export type Instruction = { text: string; name?: string; step?: number };

export function renderDockerfile(plan: BuildPlan): string {
  return `${instructions(plan)
    .map(({ text }) => text)
    .join('\n')}\n`;
}

/** In the order of the file, so that the builder's "Step 9/14" finds its name. */
export function instructions(plan: BuildPlan): Instruction[] {
  if (plan.base === undefined) {
    throw new HpcbinderError('E-INTERNAL', { message: 'a plan without a base image has no Dockerfile of ours' });
  }
  const { user } = plan;
  const from = plan.base.standIn ? plan.base.digest : `${plan.base.name}@${plan.base.digest}`;
  return [
    { text: `FROM ${from}` },
    { text: 'USER root' },
    ...plan.env.map(([name, value]) => ({ text: `ENV ${word(name)}=${quoted(value)}` })),
    { text: `COPY ["${SETTINGS_CONTEXT}/", "${SETTINGS_DIR}/"]` },
    { text: run(PREPARE_SETTINGS), name: 'build settings' },
    ...plan.steps.flatMap((step, index) => stepInstructions(plan, step, index)),
    { text: 'USER root' },
    { text: run(`rm -rf ${SETTINGS_DIR}`), name: 'build settings removed' },
    ...plan.labels.map(([name, value]) => ({ text: `LABEL ${quoted(name)}=${quoted(value)}` })),
    { text: `USER ${word(user.name)}` },
    { text: `WORKDIR ${place(plan.repoDir)}` },
    { text: `ENTRYPOINT ${JSON.stringify(plan.entrypoint)}` },
    { text: 'CMD ["jupyter", "lab"]' },
  ];
}

function stepInstructions(plan: BuildPlan, step: PlanStep, index: number): Instruction[] {
  const owner = `--chown=${plan.user.uid}:${plan.user.uid}`;
  switch (step.kind) {
    case 'run':
      return [
        { text: `USER ${step.as === 'root' ? 'root' : word(plan.user.name)}` },
        { text: run(runText(plan, step)), name: step.name, step: index },
      ];
    case 'files':
      return [{ text: copyFolder(owner, index, step.to), name: `copy ${step.paths.join(', ')}`, step: index }];
    case 'tree':
      return [{ text: copyFolder(owner, index, plan.repoDir), name: 'copy the repository', step: index }];
    case 'text':
      return [{ text: `COPY ["${stepContext(index)}", "${place(step.path)}"]`, name: step.path, step: index }];
  }
}

function copyFolder(owner: string, index: number, to: string): string {
  return `COPY ${owner} ["${stepContext(index)}/", "${place(to)}/"]`;
}

function runText(plan: BuildPlan, step: Extract<PlanStep, { kind: 'run' }>): string {
  return [
    `. ${SETTINGS_DIR}/env`,
    `export SOURCE_DATE_EPOCH=${plan.sourceDateEpoch}`,
    `cd -- ${quote(step.cwd)}`,
    step.shell,
  ].join('\n');
}

function run(shell: string): string {
  return `RUN ${JSON.stringify(['/bin/sh', '-ec', shell])}`;
}

/** Names and absolute paths of ours stand bare in the file; anything else is a defect. */
function word(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(text)) return text;
  throw new HpcbinderError('E-INTERNAL', { message: `${JSON.stringify(text)} is no name for a Dockerfile` });
}

function place(path: string): string {
  if (/^\/[A-Za-z0-9._/-]+$/.test(path) && !path.includes('..')) return path;
  throw new HpcbinderError('E-INTERNAL', { message: `${JSON.stringify(path)} is no place for a file of ours` });
}

/** ENV and LABEL values: in double quotes the builder still expands `$` and `\`. */
function quoted(text: string): string {
  if (hasControls(text)) {
    throw new HpcbinderError('E-BUILD', { message: `${JSON.stringify(text)} cannot stand in an image's settings` });
  }
  return `"${text.replace(/[\\"$]/g, '\\$&')}"`;
}
