/** `launch --when`: when the launch would start, and what would start sooner; the scheduler is asked, nothing is submitted. */

import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { ResourceRequest } from '../core/scheduler.ts';
import { quoteWords } from '../core/shell.ts';
import { cutMiddle } from '../core/text.ts';
import { decidedFor } from '../sessions/environment.ts';
import { type Estimate, isSooner, type Sooner, startSooner, startsNow, whenInWords } from '../sessions/sooner.ts';
import type { Arrows } from './arrows.ts';
import type { Choice } from './connect.ts';
import type { Options } from './flags.ts';
import { Interrupts } from './interrupts.ts';
import { CUT, canMove, columns, drawMoving, eraseMoving, fittedTable, plain } from './terminal.ts';

/** of the story's lines, above which these are written too */
const NAME_WIDTH = 10;

const WORLD = {
  now: () => new Date(),
  sleep: (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }),
};

/** Where a repository is named, what its hpc.yml asks for is counted. */
export async function when(choice: Choice, options: Options, arrows: Arrows): Promise<number> {
  const interrupts = new Interrupts();
  const { signal } = interrupts;
  let cluster: Cluster | undefined;
  try {
    const input = options.input(choice);
    cluster = await arrows.connect(() => {}, signal);
    const named = options.repo !== undefined;
    const checkout = named
      ? await arrows.checkout(await arrows.resolve(() => {}, signal), () => {}, signal)
      : undefined;
    const decided = decidedFor(cluster, input, checkout ? arrows.wishes(checkout) : {});
    for (const note of options.json ? [] : decided.notes) process.stderr.write(plain(`${note}\n`));
    const found = await asked(cluster, decided.request, signal, options.json);
    process.stdout.write(options.json ? `${json(found)}\n` : `${plain(soonerLines(found, new Date()).join('\n'))}\n`);
    if (found.own.refused) throw found.own.refused;
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new HpcbinderError('E-CANCELLED', { message: 'cancelled: nothing was submitted' });
  } finally {
    eraseMoving();
    interrupts.dispose();
    await cluster?.transport[Symbol.asyncDispose]();
  }
}

/** With the shape that is being asked about on the moving line. */
export async function asked(
  cluster: Cluster,
  request: ResourceRequest,
  signal: AbortSignal,
  quiet: boolean,
  waiting?: { start?: Date },
): Promise<Sooner> {
  const told = await startSooner(
    cluster,
    request,
    WORLD,
    ({ words }) => {
      if (canMove && !quiet) drawMoving(plain(cutMiddle(`asking     ${words} …`, 78, CUT)));
    },
    signal,
    waiting,
  );
  if (!quiet) eraseMoving();
  return told;
}

/** Those worth a line, in the order of their lines. */
export function soonerThanOwn({ own, others }: Sooner): Estimate[] {
  return others.filter((one) => isSooner(one, own));
}

/** What starts sooner, with the flags that ask for it, then the request. `numbered`: to choose one by its number. */
export function soonerLines(found: Sooner, now: Date, how: { numbered?: boolean } = {}): string[] {
  const { own, others, by, ahead } = found;
  const sooner = soonerThanOwn(found);
  const line = (one: Estimate, flags: string, number: string) => {
    return [`  ${how.numbered ? `${number}  ` : ''}${one.shape.words}`, whenInWords(one, now), flags];
  };
  const rows = [
    ...sooner.map((one, index) => line(one, quoteWords(one.shape.flags), String(index + 1))),
    line(own, ahead ? '(as it waits)' : '(as asked)', ' '),
  ];
  const [, ...lines] = fittedTable(['', '', ''], rows, columns() - NAME_WIDTH).split('\n');
  if (startsNow(own, now)) lines.push('  nothing starts sooner than now');
  else if (sooner.length === 0) lines.push(`  of ${others.length} other shapes none starts sooner`);
  if (ahead && sooner.length > 0 && by === 'scheduler')
    lines.push('  counted behind your waiting job: without it they start no later');
  if (by === 'free nodes') lines.push('  by the nodes that are free now: this scheduler gives no estimates');
  return lines;
}

function json({ own, others, by }: Sooner): string {
  const shape = ({ shape, start, refused }: Estimate) => ({
    ...shape,
    start: start === undefined ? null : Math.round(start.getTime() / 1000),
    ...(refused ? { refused: { code: refused.code, message: refused.message } } : {}),
  });
  return JSON.stringify({ type: 'when', by, own: shape(own), others: others.map(shape) });
}
