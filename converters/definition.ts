/**
 * BuildPlan → Apptainer definition, pure: the same steps, environment, runscript and labels as the Dockerfile, for
 * `apptainer build` by a user who has no other ids. So no chown, useradd or su (DESIGN 5); "user" steps run as the
 * build's only id, with the user's HOME. The definition stays in the SIF: secrets are in the context, never here.
 */
import { type BuildPlan, type EnvironmentKey, KEY_LABEL, type PlanStep } from '../core/artifacts.ts';
import { PREPARE_SETTINGS, SETTINGS_CONTEXT, SETTINGS_DIR, stepContext } from '../core/build-context.ts';
import { HpcbinderError } from '../core/errors.ts';
import { quote } from '../core/shell.ts';
import { harmless } from '../core/text.ts';
import { modeCheck } from './build-modes.ts';
import { contained, STEPS_FILE } from './contain.ts';
import { needsOtherIds } from './id-packages.ts';
import { runscript } from './runtime-files.ts';

export type DefinitionBase = { bootstrap: 'docker-archive' | 'docker' | 'localimage'; from: string };

/** Beside the definition: the tar of the build context. */
export const CONTEXT_FILE = 'context.tar';
const CONTEXT = '/run/hpcbinder-context';
/** The log's line in front of a step: it names the step that failed. */
export const STEP_MARK = 'hpcbinder: step ';

export function renderDefinition(plan: BuildPlan, key: EnvironmentKey, base: DefinitionBase): string {
  if (plan.dockerfile !== undefined) throw notHere('a Dockerfile is built by a container engine only');
  const steps = plan.steps.flatMap((step, index) =>
    step.kind === 'run' && step.onlyWithIds ? [] : [{ step, index, text: stepText(plan, step, index) }],
  );
  const inside = [
    'set -e',
    'umask 022',
    ...plan.env.map(([name, value]) => exported(name, value)),
    'export PIP_ROOT_USER_ACTION=ignore',
    `mkdir -p ${CONTEXT} ${plan.user.home} ${plan.repoDir}`,
    `tar -xf ${CONTEXT}.tar -C ${CONTEXT} --no-same-owner`,
    `mv ${CONTEXT}/${SETTINGS_CONTEXT} ${SETTINGS_DIR}`,
    `(\n${PREPARE_SETTINGS}\n)`,
    ...steps.flatMap(({ step, text }, at) => [
      `echo ${quote(`${STEP_MARK}${at + 1} of ${steps.length}: ${stepName(step)}`)}`,
      `(\n${text}\n)`,
    ]),
    `rm -rf ${CONTEXT} ${CONTEXT}.tar ${SETTINGS_DIR} ${STEPS_FILE}`,
    // the session's user is not the one who built
    `chmod -R a+rX /srv ${plan.user.home}`,
  ];
  const post = [
    // Apptainer traces %post, and the settings that the steps source can hold a password
    '{ set +x; } 2>/dev/null',
    `(\n${modeCheck({ needsIds: needsOtherIds(plan).length > 0 })}\n) || exit $?`,
    'set -e',
    contained(inside.join('\n')),
  ];
  const script = runscript({ entrypoint: plan.entrypoint, cmd: ['jupyter', 'lab'], workingDir: plan.repoDir });
  const labels = [...plan.labels, [KEY_LABEL, key] as const];
  const sections: readonly (readonly [string, string])[] = [
    ['files', `${CONTEXT_FILE} ${CONTEXT}.tar`],
    ['post', post.join('\n')],
    ['environment', plan.env.map(([name, value]) => exported(name, value)).join('\n')],
    ['runscript', script],
    ['startscript', script],
    ['labels', labels.map(([name, value]) => `${label(name)} ${harmless(value)}`).join('\n')],
  ];
  const header = `Bootstrap: ${base.bootstrap}\nFrom: ${from(base.from)}\n`;
  return `${header}${sections.map(([name, text]) => `\n%${name}\n${body(text)}\n`).join('')}`;
}

function stepText(plan: BuildPlan, step: PlanStep, index: number): string {
  const at = `${CONTEXT}/${stepContext(index)}`;
  switch (step.kind) {
    case 'run':
      return [
        'set -e',
        `. ${SETTINGS_DIR}/env`,
        `export SOURCE_DATE_EPOCH=${plan.sourceDateEpoch} HOME=${step.as === 'user' ? plan.user.home : '/root'}`,
        `cd -- ${quote(step.cwd)}`,
        step.shell,
      ].join('\n');
    case 'files':
      return copyFolder(at, step.to);
    case 'tree':
      return copyFolder(at, plan.repoDir);
    case 'text':
      return `install -D -m ${step.mode.toString(8)} ${at} ${quote(step.path)}`;
  }
}

function copyFolder(from: string, to: string): string {
  return `mkdir -p ${quote(to)}\ncp -R --preserve=mode,timestamps,links ${from}/. ${quote(to)}/`;
}

function stepName(step: PlanStep): string {
  if (step.kind === 'run') return step.name;
  return step.kind === 'text' ? step.path : 'copy of the repository';
}

function exported(name: string, value: string): string {
  return `export ${name}=${quote(value)}`;
}

/** A line that begins with `%` would open a section, `{{ }}` is a template's: neither can be escaped in a definition. */
function body(text: string): string {
  if (/^\s*%/m.test(text) || text.includes('{{')) {
    throw notHere('a name in it holds "%" at the start of a line or "{{", which an Apptainer definition cannot carry');
  }
  return text;
}

function label(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  throw new HpcbinderError('E-INTERNAL', { message: `"${name}" is no name for a label` });
}

function from(text: string): string {
  if (/^[A-Za-z0-9/][A-Za-z0-9._/:@+-]*$/.test(text)) return text;
  throw new HpcbinderError('E-CONFIG', { message: `"${text}" is no base that Apptainer can be given` });
}

function notHere(why: string): HpcbinderError {
  return new HpcbinderError('E-BUILD-CLUSTER', {
    message: `this repository can't be built on the cluster: ${why}`,
    hint: 'Build where Docker or Podman is: --build-on here',
  });
}
