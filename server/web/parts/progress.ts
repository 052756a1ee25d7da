/** A launch on its way: the phases as a list that fills. */
import { html } from 'htm/preact';
import type { LaunchView, SoonerView } from '../../../core/endpoint.ts';
import { size } from '../../../core/units.ts';
import { mendedBy } from '../../../core/waiting.ts';
import type { PhaseLine, Story } from './fold.ts';
import { FaultBox, type Frame, Xsrf } from './frame.ts';
import { shownOf, typedOf } from './shown.ts';
import { StartSooner } from './sooner.ts';
import { clock, PHASE_WORDS, said, shortName, span } from './words.ts';

export type ProgressView = {
  frame: Frame;
  launch: LaunchView;
  story: Story;
  /** what would start sooner, where that was asked */
  sooner?: SoonerView;
  /** since when nothing comes any more, epoch seconds */
  lostSince?: number;
  /** what a browser with script shows of the output; without: the way to it */
  log?: unknown;
  tell?: unknown;
};

export const NOTHING_KEPT =
  'Nothing of what it told is here any more: that goes ten minutes after a launch has ended, a day after one that has failed, and with a restart of the endpoint.';

/** The tab's title: `queue · climate-notebooks`. */
export function progressTitle({ launch, story }: Pick<ProgressView, 'launch' | 'story'>): string {
  const running = story.phases.findLast(({ state }) => state === 'running');
  const state = launch.state === 'running' ? (running ? PHASE_WORDS[running.phase] : 'beginning') : launch.state;
  return `${state === 'queue' ? 'queued' : state} · ${shortName(typedOf(launch.wanted).repo)}`;
}

export function ProgressPage({ frame, launch, story, sooner, lostSince, log, tell }: ProgressView) {
  const running = story.phases.findLast(({ state }) => state === 'running');
  return html`<article class="progress">
    <h1>${said(shownOf(launch.wanted), 200)}</h1>
    <p class="state" role="status" aria-live="polite">${sentence(launch, running)}</p>
    ${lostSince !== undefined && html`<p class="notice wait" role="alert">Connection lost at ${clock(lostSince, frame.now)}. The launch goes on; this page tries again by itself.</p>`}
    <ol class="phases" aria-label="Phases">
      ${story.phases.map((line) => html`<${Phase} key=${line.phase} line=${line} launch=${launch} now=${frame.now} />`)}
    </ol>
    ${launch.state === 'running' && running?.phase === 'queue' && html`<${StartSooner} frame=${frame} launch=${launch} sooner=${sooner} />`}
    ${launch.state !== 'running' && story.phases.length === 0 && html`<p class="dim">${NOTHING_KEPT}</p>`}
    ${launch.error && html`<${FaultBox} fault=${launch.error} />`}
    ${story.asides.length > 0 && html`<ul class="asides" aria-label="Notes">${story.asides.map(({ kind, text }) => html`<li class=${kind === 'warning' ? 'warn' : ''}>${kind === 'warning' && html`<strong>Warning: </strong>`}${said(text, 1000)}</li>`)}</ul>`}
    <div class="actions">
      ${
        launch.state === 'ready' &&
        launch.session &&
        html`<form method="post" action="${frame.base}/sessions/${launch.session}/open"><${Xsrf} frame=${frame} /><button class="go">Open</button></form>`
      }
      ${launch.state !== 'running' && html`<form method="post" action="${frame.base}/launches/${launch.id}/relaunch"><${Xsrf} frame=${frame} /><button>Relaunch</button></form>`}
      ${
        launch.state === 'running' &&
        html`<details class="confirm"><summary>Cancel the launch</summary><form method="post" action="${frame.base}/launches/${launch.id}/cancel">
          <${Xsrf} frame=${frame} /><p>What is built stays in the store; the job is taken out of the queue.</p><button class="bad">Cancel it</button></form></details>`
      }
      ${launch.state === 'running' && tell}
    </div>
    ${log ?? html`<p><a href="${frame.base}/launches/${launch.id}/log">Log</a></p>`}
    ${launch.state === 'running' && html`<p class="dim">Closing this tab changes nothing: the launch goes on, and <a href="${frame.base}/sessions">My sessions</a> has it.</p>`}
  </article>`;
}

const DOING: Readonly<Record<string, string>> = {
  build: 'building the image',
  convert: 'making the SIF',
  upload: 'sending the image',
  queue: 'waiting in the queue',
  start: 'starting on its node',
};

function sentence(launch: LaunchView, running: PhaseLine | undefined): string {
  if (launch.state === 'ready') return 'Ready.';
  if (launch.state === 'cancelled') return 'Cancelled.';
  if (launch.state === 'failed') return 'The launch failed.';
  return running ? `Now: ${DOING[running.phase] ?? PHASE_WORDS[running.phase]}.` : 'Beginning.';
}

function Phase({ line, launch, now }: { line: PhaseLine; launch: LaunchView; now: number }) {
  const failed = line.state === 'running' && launch.state === 'failed';
  const stopped = line.state === 'running' && launch.state === 'cancelled';
  const state = failed ? 'failed' : stopped ? 'cancelled' : line.state;
  return html`<li class=${state} aria-current=${state === 'running' ? 'step' : undefined}>
    <span class="name">${PHASE_WORDS[line.phase]}</span>
    <span class="text">${state === 'running' && line.phase === 'queue' && line.waiting ? `waiting: ${said(line.waiting.means)}` : said(line.text, 1000)}${(failed || stopped) && html` <em>${state}</em>`}
      ${state === 'running' && line.total !== undefined && html`<${Bytes} line=${line} />`}
      ${state === 'running' && line.phase === 'queue' && html`<${Queue} line=${line} now=${now} />`}
    </span>
    <span class="time">${line.seconds !== undefined && span(line.seconds)}</span>
  </li>`;
}

function Bytes({ line }: { line: PhaseLine }) {
  const [done, total] = [line.done ?? 0, line.total ?? 0];
  return html`<span class="bytes"><progress value=${done} max=${Math.max(total, 1)} aria-label=${PHASE_WORDS[line.phase]}></progress> ${size(done)} of ${size(total)}</span>`;
}

/** Who can mend it, and when it is likely to start. */
function Queue({ line: { waiting, startsAt }, now }: { line: PhaseLine; now: number }) {
  const mends = waiting && said(mendedBy(waiting));
  const start =
    startsAt !== undefined &&
    (startsAt > now
      ? `likely start ${clock(startsAt, now)}, in ${span(startsAt - now)}`
      : 'likely to start any moment');
  return html`<span class="queue">${mends && html`<span>${mends}</span>`}${start && html`<span>${start}</span>`}</span>`;
}
