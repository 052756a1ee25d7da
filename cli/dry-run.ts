/** `--dry-run`: plan, options and script, and nothing done: no image, no upload, no job. */

import type { Planned } from '../core/arrows.ts';
import type { Checkout } from '../core/artifacts.ts';
import { quoteWords } from '../core/shell.ts';
import { plainText } from '../core/text.ts';
import { renderDockerfile } from '../images/dockerfile.ts';
import { jobScript } from '../sessions/agent.ts';
import { decidedFor, platformOf } from '../sessions/environment.ts';
import { requestInWords } from '../sessions/request.ts';
import type { makeArrows } from './arrows.ts';
import { type Choice, shownHost } from './connect.ts';
import type { Options } from './flags.ts';
import { imageStoreOf } from './store.ts';
import { plain } from './terminal.ts';

export async function dryRun(choice: Choice, options: Options, arrows: ReturnType<typeof makeArrows>): Promise<number> {
  const signal = new AbortController().signal;
  const on = () => {};
  const input = options.input(choice);
  const cluster = await arrows.connect(on, signal);
  try {
    const checkout = input.noRepository
      ? undefined
      : await arrows.checkout(await arrows.resolve(on, signal), on, signal);
    const wishes = checkout ? arrows.wishes(checkout) : {};
    const decided = decidedFor(cluster, input, wishes);
    const planned =
      checkout && !input.sif
        ? await arrows.plan(checkout, cluster, platformOf(decided, cluster), on, signal)
        : undefined;
    const found = planned ? await imageStoreOf(cluster).peek(planned.key) : undefined;
    const job = {
      tag: input.id,
      directory: `${cluster.profile.stateDir}/sessions/${input.id}`,
      request: decided.request,
      comment: input.product,
      log: 'job.log',
    };
    const submit = cluster.scheduler.submit(job, `${job.directory}/job.sh`).command;
    const file = planned === undefined ? undefined : await buildText(planned, checkout);
    if (options.json) {
      const all = {
        type: 'dry-run',
        cluster: choice.name,
        request: decided.request,
        notes: decided.notes,
        beyond: decided.beyond,
        plan: planned?.plan,
        key: planned?.key,
        image: found ? found.path : null,
        argv: submit.argv,
        script: jobScript(),
        dockerfile: file,
      };
      process.stdout.write(`${JSON.stringify(all)}\n`);
      return 0;
    }
    const lines = [
      `cluster   ${choice.name} (${shownHost(choice)}) as ${cluster.profile.user} · ${cluster.profile.container.command}`,
      `asks for  ${requestInWords(decided.request)}`,
      ...decided.notes.map((note) => `          ${note}`),
      ...(input.variables.length > 0 ? [`sets      ${input.variables.map(([name]) => name).join(', ')} (--env)`] : []),
      ...decided.beyond.map((note) => `          hpc.yml asks for ${note}: will be confirmed`),
      ...(planned
        ? [
            `plan      ${planned.words}`,
            ...planned.notes.map((note) => `          ${note}`),
            `image     ${found ? `${found.path}, reused` : `would be built as ${planned.key}`}`,
          ]
        : []),
      '',
      '# the build',
      file ?? `(the image is ${input.sif})`,
      '# the submit',
      quoteWords(submit.argv),
      '',
      '# the script (constant)',
      jobScript(),
      '# nothing was done',
    ];
    // a repository's Dockerfile and names are in it
    process.stdout.write(`${plain(plainText(lines.join('\n')))}\n`);
    return 0;
  } finally {
    await cluster.transport[Symbol.asyncDispose]();
  }
}

/** What would make the image: our Dockerfile, the repository's own, or the upstream tool's command. */
async function buildText({ plan, key }: Planned, checkout: Checkout | undefined): Promise<string | undefined> {
  if (plan.base) return renderDockerfile(plan);
  if (!plan.repo2docker) return checkout?.files.text(plan.dockerfile?.path ?? '');
  const { repo2dockerWords } = await import('../images/repo2docker-build.ts');
  const { imageTag } = await import('../images/build.ts');
  return `${quoteWords(['jupyter-repo2docker', ...repo2dockerWords(plan, imageTag(key), checkout?.dir ?? '', [])])}\n`;
}
