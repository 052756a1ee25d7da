/** BuildPlan → image in the engine. */
import { Readable } from 'node:stream';
import {
  type BuildPlan,
  type BuildSettings,
  type Checkout,
  type EnvironmentKey,
  type ImageRef,
  KEY_LABEL,
} from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { buildContext, CONTEXT_DOCKERFILE, dockerfileContext } from './context.ts';
import { instructions } from './dockerfile.ts';
import { buildFailure } from './failure.ts';
import { onLoopback } from './settings.ts';

/** what is kept of the output to explain a failure */
const KEPT_LINES = 400;

export type BuildHow = { key: EnvironmentKey; on(line: string): void; signal?: AbortSignal; force?: boolean };

export function imageTag(key: EnvironmentKey): string {
  return `hpcbinder/${key}:latest`;
}

/** The image of that key, where the engine has it already. */
export async function findImage(engine: Engine, plan: BuildPlan, key: EnvironmentKey): Promise<ImageRef | undefined> {
  const found = await engine.inspect(imageTag(key));
  const same = found?.config.labels[KEY_LABEL] === key && found.ref.platform === plan.platform;
  return same ? found.ref : undefined;
}

/** Throws E-BUILD, E-BUILD-PIP or E-BUILD-APT with the step, its exit code and last lines; E-PLATFORM; E-CANCELLED. */
export async function buildImage(
  engine: Engine,
  plan: BuildPlan,
  checkout: Checkout,
  settings: BuildSettings,
  how: BuildHow,
): Promise<ImageRef> {
  const ready = how.force ? undefined : await findImage(engine, plan, how.key);
  if (ready !== undefined) return ready;
  const own = plan.dockerfile;
  const log = new BuildLog(plan, how.on);
  const context = own === undefined ? buildContext(plan, checkout, settings) : dockerfileContext(plan, checkout);
  const tag = imageTag(how.key);
  const local = onLoopback(settings);
  if (local !== undefined) how.on(`the build gets the network of this machine, for ${local} listens there alone`);
  const ended = await engine
    .build(Readable.from(context, { objectMode: false }), {
      dockerfile: own?.path ?? CONTEXT_DOCKERFILE,
      tag,
      platform: plan.platform,
      ...(local === undefined ? {} : { network: 'host' as const }),
      buildArgs: { ...settings.proxy, ...Object.fromEntries(own?.buildArgs ?? []) },
      labels: { ...(own ? Object.fromEntries(plan.labels) : {}), [KEY_LABEL]: how.key },
      on: (line) => log.take(line),
      ...(how.signal === undefined ? {} : { signal: how.signal }),
    })
    .catch((cause: unknown) => {
      if (how.signal?.aborted) throw new HpcbinderError('E-CANCELLED', { message: 'the build was stopped', cause });
      if (cause instanceof HpcbinderError) throw cause;
      return { failed: cause instanceof Error ? cause.message : String(cause) };
    });
  if (ended.failed !== undefined) throw log.failure(ended.failed, checkout);
  const built = await engine.inspect(tag);
  if (built === undefined)
    throw new HpcbinderError('E-BUILD', { message: 'the engine reports no image after the build' });
  if (built.ref.platform !== plan.platform) {
    throw new HpcbinderError('E-PLATFORM', {
      message: `the engine built for ${built.ref.platform}, the partition needs ${plan.platform}`,
      hint: 'Build on the cluster instead: --build-on cluster',
    });
  }
  return built.ref;
}

/** The classic builder's own lines ("Step 9/14 : RUN […]", " ---> 0a1b") become step names; output passes as it is. */
class BuildLog {
  readonly #plan: BuildPlan;
  readonly #on: (line: string) => void;
  readonly #names;
  #lines: string[] = [];
  #step = 0;
  #words = '';
  constructor(plan: BuildPlan, on: (line: string) => void) {
    this.#plan = plan;
    this.#on = on;
    this.#names = plan.dockerfile === undefined ? instructions(plan) : [];
  }

  take(line: string): void {
    const step = /^Step ([0-9]+)\/([0-9]+) : (.*)$/.exec(line);
    if (step) {
      this.#step = Number(step[1]) - 1;
      this.#lines = [];
      const ours = this.#names[this.#step];
      this.#words = ours?.name ?? (this.#plan.dockerfile === undefined ? '' : (step[3] ?? ''));
      if (this.#words !== '') this.#on(this.#counted(step[1] ?? '', step[2] ?? ''));
    } else if (!/^( ---> |Removing intermediate container |Successfully (built|tagged) )/.test(line)) {
      this.#lines.push(line);
      if (this.#lines.length > KEPT_LINES) this.#lines.shift();
      if (line !== '') this.#on(line);
    }
  }

  /** Among those that have a name: labels and settings are no steps to anyone who waits. */
  #counted(step: string, steps: string): string {
    const named = this.#names.flatMap(({ name }, index) => (name === undefined ? [] : [index]));
    const [now, all] = named.length === 0 ? [step, steps] : [named.indexOf(this.#step) + 1, named.length];
    return `step ${now} of ${all}: ${this.#words}`;
  }

  failure(message: string, checkout: Checkout): HpcbinderError {
    const index = this.#names[this.#step]?.step;
    const step = index === undefined ? undefined : this.#plan.steps[index];
    const exitCode = /returned a non-zero code: ([0-9]+)/.exec(message)?.[1];
    return buildFailure({
      step: step?.kind === 'run' ? step : undefined,
      what: this.#words === '' ? 'docker build' : this.#words,
      ...(exitCode === undefined ? {} : { exitCode: Number(exitCode) }),
      lines: exitCode === undefined ? [...this.#lines, message] : this.#lines,
      textOf: (path) => checkout.files.text(path),
    });
  }
}
