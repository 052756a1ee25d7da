/** The image is started once before anything is uploaded: what would fail on the node after an hour in the queue fails here. */
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { AppName } from '../core/session.ts';
import { lastLines } from '../core/text.ts';

/** an id that owns nothing in the image, as the user of a cluster does not */
const STRANGER = '23456:23456';
const DEADLINE_MS = 60_000;

/**
 * The app's version, `4.6.6`. E-IMAGE-APP with what to add.
 * `start`: absolute path of the repository's start script, where it has one.
 */
export async function checkImage(
  engine: Engine,
  image: string,
  how: { app: AppName; start?: string; signal?: AbortSignal },
): Promise<string> {
  const run = (words: readonly string[]) => {
    const [program = '', ...command] = words;
    const limits = { timeoutMs: DEADLINE_MS, ...(how.signal === undefined ? {} : { signal: how.signal }) };
    return engine.run(image, { entrypoint: [program], command, user: STRANGER, network: 'none', ...limits }).catch(
      // the engine refuses to start a program that is not there
      (error: unknown) => {
        how.signal?.throwIfAborted();
        return { exitCode: 127, stdout: '', stderr: error instanceof Error ? error.message : String(error) };
      },
    );
  };
  const answer = await run(['jupyter', how.app, '--version']);
  const version = /^[0-9]+(?:\.[0-9A-Za-z]+)+/m.exec(answer.stdout)?.[0];
  if (answer.exitCode !== 0 || version === undefined) {
    const wanted = how.app === 'lab' ? 'jupyterlab' : 'notebook';
    throw new HpcbinderError('E-IMAGE-APP', {
      message: `the image does not answer "jupyter ${how.app} --version" (exit ${answer.exitCode})`,
      evidence: lastLines(answer.stderr, 5),
      hint: `A Dockerfile must install it, for every user to run:\n  RUN python3 -m pip install --no-cache-dir ${wanted}`,
    });
  }
  if (how.start !== undefined && (await run(['/bin/sh', '-c', 'test -x "$1"', 'sh', how.start])).exitCode !== 0) {
    throw new HpcbinderError('E-IMAGE-APP', {
      message: `${how.start} is in the repository and is not executable`,
      hint: 'git update-index --chmod=+x start   and commit.',
    });
  }
  return version;
}
