/** The image is started once before anything is uploaded: what would fail on the node after an hour in the queue fails here. */
import { APP_NEEDS, type AppName } from '../core/apps.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';

/** an id that owns nothing in the image, as the user of a cluster does not */
const STRANGER = '23456:23456';
const DEADLINE_MS = 60_000;

/** What is run in the image, and how that is told. RStudio Server must know `--www-socket`: sessions/agent/rstudio.py. */
const RSERVER = `PATH=$PATH:/usr/lib/rstudio-server/bin:/usr/lib/rstudio/bin
command -v R >/dev/null || { echo 'there is no R' >&2; exit 127; }
rserver --version || exit
rserver --help 2>&1 | grep -q -e --www-socket || { echo 'it is older than 2024.12 and listens on no Unix socket' >&2; exit 1; }`;
const QUESTIONS: Readonly<Record<AppName, { words: readonly string[]; shown: string }>> = {
  lab: { words: ['jupyter', 'lab', '--version'], shown: 'jupyter lab --version' },
  notebook: { words: ['jupyter', 'notebook', '--version'], shown: 'jupyter notebook --version' },
  rstudio: { words: ['/bin/sh', '-c', RSERVER], shown: 'rserver --version' },
  shiny: {
    words: ['Rscript', '-e', 'cat(as.character(utils::packageVersion("shiny")))'],
    shown: `Rscript -e 'packageVersion("shiny")'`,
  },
};

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
  const { words, shown } = QUESTIONS[how.app];
  const answer = await run(words);
  const version = /^[0-9]+(?:\.[0-9A-Za-z]+)+/m.exec(answer.stdout)?.[0];
  if (answer.exitCode !== 0 || version === undefined) {
    throw new HpcbinderError('E-IMAGE-APP', {
      message: `the image does not answer "${shown}" (exit ${answer.exitCode})`,
      evidence: lastLines(answer.stderr, 5),
      hint: APP_NEEDS[how.app],
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
