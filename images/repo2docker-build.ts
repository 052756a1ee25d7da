/** The build by repo2docker itself: its words, its log, and what makes its image one of ours. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type BuildPlan, type Checkout, type ImageRef, KEY_LABEL } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { LineCutter } from '../core/line-cutter.ts';
import { TAR_END, tarFile } from '../core/tar.ts';
import { plainLine } from '../core/text.ts';
import { type BuildHow, findImage, imageTag } from './build.ts';
import { buildFailure } from './failure.ts';
import { checkBuildx, PROXIES, type Repo2docker, toolEnvironment } from './repo2docker.ts';

type Env = Readonly<Record<string, string | undefined>>;

const DEADLINE_MS = 6 * 3600_000;
/** after ctrl-C, before it is killed */
const GRACE_MS = 5000;
const KEPT_LINES = 400;
const MAX_SHOWN = 2000;
const MOUNT = '/repo';

/**
 * The tool's arguments. No text of a repository is among them: labels are put on afterwards, the checkout's folder has a
 * name of ours. A proxy is named only, its value (which can hold a password) is in the tool's environment.
 */
export function repo2dockerWords(plan: BuildPlan, tag: string, dir: string, proxies: readonly string[]): string[] {
  const buildx = ['--load', ...proxies.flatMap((name) => ['--build-arg', name])];
  return [
    ...['--json-logs', '--no-run', `--image-name=${tag}`],
    ...[`--user-name=${plan.user.name}`, `--user-id=${plan.user.uid}`, `--target-repo-dir=${plan.repoDir}`],
    `--Repo2Docker.platform=${plan.platform}`,
    ...buildx.map((word) => `--DockerEngine.extra_buildx_build_args=${word}`),
    ...['--', dir],
  ];
}

/** Throws E-BUILD, E-BUILD-PIP or E-BUILD-APT with the last lines of its log; E-TOOL-NONE; E-CANCELLED. */
export async function buildByRepo2docker(
  engine: Engine,
  plan: BuildPlan,
  checkout: Checkout,
  tool: Repo2docker,
  how: BuildHow & { env: Env },
): Promise<ImageRef> {
  const ready = how.force ? undefined : await findImage(engine, plan, how.key);
  if (ready !== undefined) return ready;
  await checkBuildx(engine, tool, how.env, how.signal);
  // a name of its own: under one that exists the tool builds nothing and says "Reusing existing image"
  const raw = `hpcbinder/${how.key}-upstream:${process.pid}`;
  const log = new ToolLog(how.on);
  try {
    const exitCode = await run(engine, plan, checkout, tool, raw, how, (line) => log.take(line));
    if (exitCode !== 0) throw log.failure(exitCode, checkout);
    return await adopt(engine, plan, raw, how);
  } catch (error) {
    if (how.signal?.aborted)
      throw new HpcbinderError('E-CANCELLED', { message: 'the build was stopped', cause: error });
    if (!(error instanceof Error && error.name === 'TimeoutError')) throw error;
    throw new HpcbinderError('E-BUILD', { message: `repo2docker did not end within ${DEADLINE_MS / 3600_000} h` });
  } finally {
    await engine.untag(raw).catch(() => {});
  }
}

async function run(
  engine: Engine,
  plan: BuildPlan,
  checkout: Checkout,
  tool: Repo2docker,
  tag: string,
  how: BuildHow & { env: Env },
  on: (line: string) => void,
): Promise<number> {
  const env = toolEnvironment(how.env, engine);
  const proxies = PROXIES.filter((name) => env[name] !== undefined);
  if ('image' in tool) {
    const { exitCode } = await engine.tool(tool.imageId, {
      entrypoint: ['jupyter-repo2docker'],
      command: repo2dockerWords(plan, tag, MOUNT, proxies),
      mounts: [{ from: checkout.dir, to: MOUNT, readOnly: true }],
      env: Object.fromEntries(proxies.map((name) => [name, env[name] ?? ''])),
      socket: true,
      on,
      timeoutMs: DEADLINE_MS,
      ...(how.signal ? { signal: how.signal } : {}),
    });
    return exitCode;
  }
  // it executes a repo2docker_config.py of its working directory: that is an empty one
  const cwd = await mkdtemp(join(tmpdir(), 'hb-r2d-'));
  try {
    return await program(tool.program, repo2dockerWords(plan, tag, checkout.dir, proxies), {
      env,
      cwd,
      on,
      ...(how.signal ? { signal: how.signal } : {}),
    });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/** In a process group of its own: `docker buildx` below it ends with it. */
async function program(
  path: string,
  args: readonly string[],
  how: { env: Record<string, string>; cwd: string; on: (line: string) => void; signal?: AbortSignal },
): Promise<number> {
  const { execa } = await import('execa');
  const running = execa(path, args, {
    env: how.env,
    extendEnv: false,
    cwd: how.cwd,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    detached: true,
  });
  const lines = new LineCutter(how.on);
  running.all.on('data', (bytes: Buffer) => lines.take(bytes));
  const signal = AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), ...(how.signal ? [how.signal] : [])]);
  const kill = (name: NodeJS.Signals) => {
    try {
      if (running.pid !== undefined) process.kill(-running.pid, name);
    } catch {
      // the group has ended by itself
    }
  };
  const end = () => {
    kill('SIGINT');
    setTimeout(() => kill('SIGKILL'), GRACE_MS).unref();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const ended = await running.finally(() => signal.removeEventListener('abort', end));
  lines.end();
  // a child that took no notice
  if (signal.aborted) kill('SIGKILL');
  signal.throwIfAborted();
  return ended.exitCode ?? 1;
}

/** Labels are data for the engine, not text of a Dockerfile: repo2docker itself writes them there unescaped. */
async function adopt(engine: Engine, plan: BuildPlan, raw: string, how: BuildHow): Promise<ImageRef> {
  const made = await engine.inspect(raw);
  if (made === undefined)
    throw new HpcbinderError('E-BUILD', { message: 'the engine has no image after the build by repo2docker' });
  const dockerfile = `FROM ${made.ref.id}\n`;
  const context = Buffer.concat([tarFile('Dockerfile', 0o644, dockerfile, plan.sourceDateEpoch), TAR_END]);
  const { failed } = await engine.build(Readable.from([context], { objectMode: false }), {
    dockerfile: 'Dockerfile',
    tag: imageTag(how.key),
    platform: plan.platform,
    labels: { ...Object.fromEntries(plan.labels), [KEY_LABEL]: how.key },
    on: () => {},
    ...(how.signal ? { signal: how.signal } : {}),
  });
  const built = failed === undefined ? await findImage(engine, plan, how.key) : undefined;
  if (built !== undefined) return built;
  throw new HpcbinderError('E-BUILD', {
    message: `the image that repo2docker made was not taken over${failed ? `: ${failed}` : `; it is for ${made.ref.platform}`}`,
  });
}

/** `--json-logs`: one object a line; buildx's own lines ("#7 [3/5] RUN …", "#7 0.46 text") are in its messages. */
class ToolLog {
  readonly #on: (line: string) => void;
  #lines: string[] = [];
  #step = 'repo2docker';
  constructor(on: (line: string) => void) {
    this.#on = on;
  }

  take(line: string): void {
    for (const text of messageOf(line).split('\n')) this.#line(plainLine(text).slice(0, MAX_SHOWN));
  }

  #line(text: string): void {
    const step = /^#[0-9]+ \[(?:\S+ )?([0-9]+)\/([0-9]+)\] (.*)$/.exec(text);
    if (step) {
      this.#step = step[3] ?? '';
      this.#on(`step ${step[1]} of ${step[2]}: ${this.#step}`);
      return;
    }
    const output = text.replace(/^#[0-9]+ (?:[0-9]+\.[0-9]+ )?/, '');
    if (
      output.trim() === '' ||
      /^(?:DONE|CACHED|\[internal\]|sha256:|transferring|extracting|exporting|writing image|naming to)/.test(output)
    )
      return;
    this.#lines.push(output);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#on(output);
  }

  failure(exitCode: number, checkout: Checkout): HpcbinderError {
    return buildFailure({
      step: undefined,
      what: `repo2docker, ${this.#step}`,
      exitCode,
      lines: this.#lines,
      textOf: (path) => checkout.files.text(path),
    });
  }
}

/** What is no object of its log is shown as it is. */
function messageOf(line: string): string {
  try {
    const { message } = JSON.parse(line) as { message?: unknown };
    if (typeof message === 'string') return message.trimEnd();
  } catch {
    // a warning of Python's, or of the container engine
  }
  return line;
}
