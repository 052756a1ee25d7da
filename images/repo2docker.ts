/**
 * Which repo2docker there is: the program of this machine, else its own container image. Asked before anything is built,
 * for its version is part of the environment's key.
 */
import type { BuildPlan } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';

export const REPO2DOCKER_IMAGE = 'quay.io/jupyterhub/repo2docker:2026.04.0';
const PROGRAM = 'jupyter-repo2docker';
const FIRST_ANSWER_MS = 60_000;

export type Repo2docker = { version: string; program: string } | { version: string; image: string; imageId: string };

export type FindRepo2docker = {
  /** absolute path of the program, of the config */
  command?: string;
  /** name of its image, of the config: taken before a program that is merely on PATH */
  image?: string;
  env: Readonly<Record<string, string | undefined>>;
  engine(): Promise<Engine>;
  on?(line: string): void;
  signal?: AbortSignal;
};

/** E-TOOL-NONE where there is neither; what `engine` throws where its image is wanted and there is no engine. */
export async function findRepo2docker(how: FindRepo2docker): Promise<Repo2docker> {
  if (how.command !== undefined) return await ofProgram(how.command, how);
  if (how.image !== undefined) return await ofImage(how.image, how);
  const installed = await ofProgram(PROGRAM, how).catch((error: unknown) => {
    if (error instanceof HpcbinderError && error.code === 'E-TOOL-NONE') return undefined;
    throw error;
  });
  return installed ?? (await ofImage(REPO2DOCKER_IMAGE, how));
}

/** As it enters plan and key. */
export function repo2dockerFact(tool: Repo2docker): NonNullable<BuildPlan['repo2docker']> {
  return { version: tool.version, ...('imageId' in tool ? { image: tool.imageId } : {}) };
}

/** It hands the build to `docker buildx`, and says too late and in a traceback that there is none. E-TOOL-NONE. */
export async function checkBuildx(
  engine: Engine,
  tool: Repo2docker,
  env: FindRepo2docker['env'],
  signal?: AbortSignal,
): Promise<void> {
  if ('image' in tool) return;
  const cli = cliOf(engine);
  const answer = await ask(cli, ['buildx', 'version'], toolEnvironment(env, engine), signal);
  if (answer.code === 0) return;
  throw new HpcbinderError('E-TOOL-NONE', {
    message:
      answer.code === undefined
        ? `repo2docker builds by the command ${cli}, which is not on this machine`
        : `repo2docker builds by "${cli} buildx", which is not on this machine`,
    evidence: lastLines(answer.said, 3),
    hint: [
      'Install the command and its plugin: apt-get install docker-cli docker-buildx   (Debian 13)',
      'or docker-ce-cli and docker-buildx-plugin of https://docs.docker.com/engine/install/',
    ].join('\n'),
  });
}

/** repo2docker's own rule (docker.py): Podman where the address says so. */
function cliOf(engine: Engine): string {
  return engine.address.includes('podman') ? 'podman' : 'docker';
}

async function ofProgram(program: string, how: FindRepo2docker): Promise<Repo2docker> {
  const answer = await ask(program, ['--version'], toolEnvironment(how.env), how.signal);
  const version = versionIn(answer.said);
  if (answer.code === 0 && version !== undefined) return { version, program };
  throw none(
    answer.code === undefined ? `${program} is not on this machine` : `${program} --version does not work`,
    lastLines(answer.said, 3),
  );
}

async function ofImage(image: string, how: FindRepo2docker): Promise<Repo2docker> {
  const engine = await how.engine();
  let found = await engine.inspect(image);
  if (found === undefined) {
    how.on?.(`pulling ${image}`);
    if ((await engine.pull(image, engine.platform, how.signal)) !== undefined) found = await engine.inspect(image);
  }
  if (found === undefined) throw none(`${PROGRAM} is not on this machine, and its image ${image} can't be pulled`);
  const answer = await engine.run(found.ref.id, {
    entrypoint: [PROGRAM],
    command: ['--version'],
    network: 'none',
    timeoutMs: FIRST_ANSWER_MS,
    ...(how.signal ? { signal: how.signal } : {}),
  });
  const version = versionIn(answer.stdout);
  if (version === undefined) throw none(`the image ${image} holds no ${PROGRAM}`, lastLines(answer.stderr, 3));
  return { version, image, imageId: found.ref.id };
}

function versionIn(text: string): string | undefined {
  return /^([0-9]+(?:\.[0-9A-Za-z+]+){1,6})\s*$/m.exec(text)?.[1];
}

function none(why: string, evidence: readonly string[] = []): HpcbinderError {
  return new HpcbinderError('E-TOOL-NONE', {
    message: `--builder repo2docker: ${why}`,
    evidence,
    hint: 'Install it: pipx install jupyter-repo2docker   (or python3 -m pip install --user jupyter-repo2docker)',
  });
}

/** The only variables of ours that the tool sees: no token, whatever its name, is among them. */
const PASSED = [
  ...['HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TMPDIR', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME'],
  ...['DOCKER_CONFIG', 'DOCKER_CERT_PATH', 'DOCKER_TLS_VERIFY'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
];
export const PROXIES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** PATH without relative parts: the tool calls `docker` with the repository as its working directory. */
export function toolEnvironment(env: FindRepo2docker['env'], engine?: Engine): Record<string, string> {
  const kept = [...PASSED, ...PROXIES].flatMap((name) => {
    const value = env[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  const path = (env.PATH ?? '').split(':').filter((part) => part.startsWith('/'));
  return { ...Object.fromEntries(kept), PATH: path.join(':'), ...(engine ? { DOCKER_HOST: engine.address } : {}) };
}

/** `code` undefined: there is no such program. */
async function ask(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  signal?: AbortSignal,
): Promise<{ code: number | undefined; said: string }> {
  const { execa } = await import('execa');
  const answer = await execa(program, args, {
    env,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
    timeout: FIRST_ANSWER_MS,
    maxBuffer: 1 << 16,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  signal?.throwIfAborted();
  const isAbsent = answer.code === 'ENOENT' || answer.code === 'EACCES';
  return { code: isAbsent ? undefined : (answer.exitCode ?? 1), said: answer.all };
}
