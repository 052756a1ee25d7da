/** `launch --via URL`: a campus endpoint launches, and this terminal watches. No SSH, nothing of the cluster is asked from here. */
import type { LaunchWanted } from '../core/endpoint.ts';
import { HpcbinderError } from '../core/errors.ts';
import { newSessionId } from '../core/ids.ts';
import { parseDuration } from '../core/units.ts';
import { fromInput } from '../server/links/index.ts';
import { openBrowser } from './browser.ts';
import { loadConfig } from './config-file.ts';
import { Display, type Style } from './display.ts';
import { endpointAddress, tokenFor } from './endpoint-tokens.ts';
import { showFailure } from './failure.ts';
import { type Flags, launchInput, type Options } from './flags.ts';
import { Interrupts } from './interrupts.ts';
import { ownPath } from './paths.ts';
import { canMove, isTerminal, plain } from './terminal.ts';
import { EndpointClient, trusted } from './via-client.ts';
import type { SeenLaunch } from './via-events.ts';

const CANCEL_MS = 30_000;
/** The others are of a launch over SSH, or the endpoint's policy to say. */
const MEANT = new Set(
  'via ref cluster partition queue gpus cpus mem time account qos app fresh idle yes dryRun json quiet verbose browser detach'.split(
    ' ',
  ),
);
const DIRECTORY = /^(?:\.{0,2}\/|~|\.{1,2}$)/;

/** @param typed names of the options that stand in the command line, as commander has them */
export async function launchVia(repo: string | undefined, flags: Flags, typed: readonly string[]): Promise<number> {
  const base = endpointAddress(String(flags.via));
  const refused = typed.filter((name) => !MEANT.has(name)).map(flagOf);
  if (refused.length > 0)
    throw new HpcbinderError('E-USAGE', {
      message: `${refused.join(', ')}: not with --via, where the endpoint launches`,
      hint: 'What it offers instead, data and limits among them, is on its page.',
    });
  const config = loadConfig();
  const options = launchInput(repo, flags, config, newSessionId());
  const idle = flags.idle === undefined ? {} : { idleSeconds: parseDuration(String(flags.idle)) };
  const wanted = { ...wantedOf(options, flags.fresh === true), ...idle };
  if (options.dryRun) {
    const url = new URL('api/v1/launches', base).href;
    const shown = options.json
      ? JSON.stringify({ url, body: wanted })
      : `POST ${url}\n${JSON.stringify(wanted, null, 2)}`;
    process.stdout.write(`${shown}\n`);
    return 0;
  }
  const bundle = config.ca_bundle && ownPath(config.ca_bundle);
  const client = new EndpointClient({ base, token: tokenFor(base), ...trusted(bundle) });
  const interrupts = new Interrupts();
  const display = new Display(styleOf(options), { verbose: options.verbose });
  let launch: SeenLaunch | undefined;
  try {
    launch = await client.launch(wanted, interrupts.signal);
    if (options.detach) return told('submitted', launch, client, options);
    for await (const event of client.events(launch.id, interrupts.signal)) {
      if (event.type === 'launch') launch = event.launch;
      else display.on(event);
    }
    if (launch.state === 'ready') {
      display.stop();
      return told('ready', launch, client, options);
    }
    throw endOf(launch);
  } catch (error) {
    const { phase } = display;
    display.fail(interrupts.aborted ? 'interrupted' : 'failed');
    if (interrupts.aborted) return await detachedBy(interrupts, launch, client);
    const left = launch && `The whole log is on the launch's page: ${client.page(launch.id)}`;
    return showFailure(error, { json: options.json, phase, left });
  } finally {
    interrupts.dispose();
  }
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What goes over the wire: only what was said, so that the endpoint's own defaults hold. E-LINK, E-USAGE. */
export function wantedOf({ repo, ref, cluster, app, wishes }: Options, fresh: boolean): LaunchWanted {
  if (repo === undefined || DIRECTORY.test(repo))
    throw new HpcbinderError('E-USAGE', {
      message: 'an endpoint launches repositories, not directories of this machine',
      hint: 'Push it to a place that the endpoint reaches, or launch it without --via.',
    });
  const { partition, seconds, cpus, memoryMb, gpus, gpuType, account, qos } = wishes;
  const all = { cluster, partition, seconds, cpus, memoryMb, gpus, gpuType, account, qos, app };
  const said = Object.entries(all).filter(([, value]) => value !== undefined);
  return {
    ...fromInput(repo, ref === undefined ? {} : { ref }),
    ...Object.fromEntries(said),
    ...(fresh ? { fresh } : {}),
  };
}

function styleOf({ json, quiet }: Options): Style {
  if (json) return 'json';
  if (quiet) return 'quiet';
  return canMove ? 'moving' : 'lines';
}

/** The page's address on stdout, the story on stderr; with `--json` one event. */
function told(how: 'ready' | 'submitted', launch: SeenLaunch, client: EndpointClient, options: Options): number {
  const url = client.page(launch.id);
  const { id, session } = launch;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ type: how, launch: id, ...(session ? { id: session } : {}), url })}\n`);
    return 0;
  }
  const opens = how === 'ready' && options.browser;
  process.stdout.write(`${url}\n`);
  const click = 'sign in there and click Open: the API token is not handed to a browser';
  process.stderr.write(plain(`  ${opens ? 'opened in your browser; ' : ''}${click}\n`));
  if (opens) openBrowser(url);
  return 0;
}

function endOf({ state, error }: SeenLaunch): HpcbinderError {
  if (state === 'cancelled' || !error)
    return new HpcbinderError('E-CANCELLED', { message: 'the launch was cancelled' });
  const { code, message, hint } = error;
  // logs of this machine know nothing of it: once it is mended, the same again
  const next = ['hpcbinder', ...process.argv.slice(2)];
  return new HpcbinderError(code, { message, next, ...(hint ? { hint } : {}) });
}

/** The first ctrl-C leaves the launch to the endpoint; a second one within 5 s ends it. */
async function detachedBy(
  interrupts: Interrupts,
  launch: SeenLaunch | undefined,
  client: EndpointClient,
): Promise<number> {
  const say = (words: string) => process.stderr.write(plain(`${words}\n`));
  if (!launch) {
    say('cancelled. Whether the endpoint began a launch is not known: its page "My sessions" tells.');
    return 130;
  }
  say(`the launch goes on: ${client.page(launch.id)}${isTerminal ? '\nctrl-C again now cancels it' : ''}`);
  if (!(await interrupts.again(isTerminal ? 5_000 : 0))) return 130;
  const { state } = await client.cancel(launch.id, AbortSignal.timeout(CANCEL_MS));
  say(state === 'ready' ? 'it was ready already: stop the session on its page' : 'cancelled');
  return 130;
}
