/** My sessions: one card each. An ended one keeps its card. */
import { html } from 'htm/preact';
import type { Figures, LaunchView, SessionView } from '../../../core/endpoint.ts';
import { memory } from '../../../core/units.ts';
import { type Frame, Xsrf } from './frame.ts';
import { IdleGpu, Plots } from './plots.ts';
import { shownOf } from './shown.ts';
import { ago, appWords, askedWords, clock, epoch, SOON, said, span, stateOf } from './words.ts';

export type SessionsView = {
  frame: Frame;
  sessions: readonly SessionView[];
  /** that have no session here: on their way, or failed lately */
  launches: readonly LaunchView[];
  /** may users put off the end for idleness? */
  mayTouch: boolean;
  figures?: ReadonlyMap<string, readonly Figures[]>;
  /** said once, over the cards: `Stopped.` */
  done?: string;
  lostSince?: number;
  tell?: unknown;
};

/** cards of ended ones, and of failed launches; what is older is in the API's list */
const MOST_ENDED = 12;
const DAY_SECONDS = 86_400;

/** Those that the page shows: of the ended sessions the last, and the launches that came to none. Both are given newest first. */
export function forCards(
  sessions: readonly SessionView[],
  launches: readonly LaunchView[],
  now: number,
): Pick<SessionsView, 'sessions' | 'launches'> {
  const over = sessions.filter(({ phase }) => phase === 'ended').slice(MOST_ENDED);
  const began = new Set(sessions.map(({ launch }) => launch));
  const others = launches.filter(({ id }) => !began.has(id));
  const failed = others.filter((one) => one.state === 'failed' && now - endOf(one) < DAY_SECONDS);
  // the same was tried again: what became of that is the answer
  const last = failed.filter((one) => launches.find(({ wanted }) => same(wanted, one.wanted)) === one);
  return {
    sessions: sessions.filter((one) => !over.includes(one)),
    launches: [...others.filter(({ state }) => state === 'running'), ...last.slice(0, MOST_ENDED)],
  };
}

const endOf = ({ startedAt, endedAt }: LaunchView) => epoch(endedAt ?? startedAt);
const same = (one: object, other: object) => JSON.stringify(one) === JSON.stringify(other);

export function sessionsTitle(sessions: readonly SessionView[]): string {
  const live = sessions.filter(({ phase }) => phase !== 'ended').length;
  return live > 0 ? `${live} live · My sessions` : 'My sessions';
}

export function SessionsPage({ frame, sessions, launches, mayTouch, figures, done, lostSince, tell }: SessionsView) {
  const live = sessions.filter(({ phase }) => phase !== 'ended');
  const over = sessions.filter(({ phase }) => phase === 'ended');
  const underway = launches.filter(({ state }) => state === 'running');
  const failed = launches.filter(({ state }) => state === 'failed');
  const card = (session: SessionView) =>
    html`<${Card} key=${session.id} frame=${frame} session=${session} mayTouch=${mayTouch} figures=${figures?.get(session.id) ?? []} />`;
  return html`<div class="top"><h1>My sessions</h1>${tell}</div>
    ${done && html`<p class="notice good" role="status">${said(done)}</p>`}
    ${lostSince !== undefined && html`<p class="notice wait" role="alert">Connection lost. This is what was known at ${clock(lostSince, frame.now)}; the page tries again by itself, and the sessions go on.</p>`}
    ${
      underway.length > 0 &&
      html`<ul class="underway" aria-label="Launches">${underway.map(
        (launch) =>
          html`<li key=${launch.id}><a href="${frame.base}/launches/${launch.id}">${said(shownOf(launch.wanted), 200)}</a> is being launched, since ${clock(epoch(launch.startedAt), frame.now)}</li>`,
      )}</ul>`
    }
    ${live.length === 0 && underway.length === 0 && html`<p>Nothing runs. <a href="${frame.base}/">Launch a repository</a></p>`}
    ${live.length > 0 && html`<h2 class="hidden">Live</h2>`}<div class="cards">${live.map(card)}</div>
    ${failed.length > 0 && html`<h2>Failed launches</h2><div class="cards">${failed.map((launch) => html`<${Failed} key=${launch.id} frame=${frame} launch=${launch} />`)}</div>`}
    ${over.length > 0 && html`<h2>Ended</h2><div class="cards">${over.map(card)}</div>`}`;
}

/** It came to no session: why, what it told, and once more. */
function Failed({ frame, launch }: { frame: Frame; launch: LaunchView }) {
  const { id, wanted, error } = launch;
  const path = `${frame.base}/launches/${id}`;
  const at = endOf(launch);
  return html`<article class="card over" aria-labelledby="${id}-name" data-launch=${id}>
    <h3 id="${id}-name">${said(shownOf(wanted), 200)}</h3>
    <p><span class="badge bad">failed</span> <span class="dim">${clock(at, frame.now)}, ${ago(Math.max(0, frame.now - at))}</span></p>
    ${error && html`<p class="why">${said(error.message, 400)} <span class="dim">${said(error.code, 40)}</span></p>`}
    <div class="actions">
      <form method="post" action="${path}/relaunch"><${Xsrf} frame=${frame} /><button class="go">Relaunch</button></form>
      <a class="button" href=${path}>How it went</a>
      <a class="button" href="${path}/log">Log</a>
    </div>
  </article>`;
}

type CardView = { frame: Frame; session: SessionView; mayTouch: boolean; figures: readonly Figures[] };

function Card({ frame, session, mayTouch, figures }: CardView) {
  const { id, repo, phase, node, ended } = session;
  const { word, tone } = stateOf(session);
  const over = phase === 'ended';
  const path = `${frame.base}/sessions/${id}`;
  return html`<article class="card ${over ? 'over' : ''}" aria-labelledby="${id}-name" data-session=${id}>
    <h3 id="${id}-name">${said(repo.shown, 200)}</h3>
    <p><span class="badge ${tone}">${word}</span> ${appWords(session.app)}${node && html` on <code>${said(node, 80)}</code>`} · ${said(session.cluster, 60)} <span class="dim">${id.slice(3)}</span></p>
    ${over ? html`<${Ended} session=${session} now=${frame.now} />` : html`<${Countdown} session=${session} now=${frame.now} />`}
    ${!over && html`<${Where} session=${session} now=${frame.now} />`}
    ${!over && html`<${Plots} figures=${figures} now=${frame.now} />`}
    ${!over && html`<${IdleGpu} session=${session} figures=${figures} now=${frame.now} />`}
    ${(over || phase === 'ready') && html`<p class="dim">Asked: ${askedWords(session.request, memory)}</p>`}
    <p class="work"><span class="dim">Work</span> <code>${said(session.workDirectory)}</code></p>
    ${ended?.detail && html`<p class="dim">${said(ended.detail, 400)}</p>`}
    <div class="actions">
      ${!over && phase !== 'ready' && session.launch && html`<a class="button" href="${frame.base}/launches/${session.launch}">How it goes</a>`}
      ${ended?.why === 'failed' && session.launch && html`<a class="button" href="${frame.base}/launches/${session.launch}">How it went</a>`}
      ${phase === 'ready' && html`<form method="post" action="${path}/open" target="_blank"><${Xsrf} frame=${frame} /><button class="go">Open</button></form>`}
      ${phase === 'ready' && html`<${Extend} frame=${frame} path=${path} />`}
      ${mayTouch && !over && session.culledAt !== undefined && session.culledAt - frame.now < SOON && html`<form method="post" action="${path}/touch"><${Xsrf} frame=${frame} /><button>Still needed</button></form>`}
      ${over && html`<form method="post" action="${path}/relaunch"><${Xsrf} frame=${frame} /><button class="go">Relaunch</button></form>`}
      <a class="button" href="${path}/log">Log</a>
      ${
        !over &&
        html`<details class="confirm"><summary>Stop</summary><form method="post" action="${path}/stop">
        <${Xsrf} frame=${frame} /><p>Ends the job. Open pages are asked to save first; the work directory stays.</p><button class="bad">Stop ${id.slice(3, 6)}</button></form></details>`
      }
      ${!over && html`<details class="confirm"><summary>Relaunch</summary><form method="post" action="${path}/relaunch"><${Xsrf} frame=${frame} /><p>Launches the same repository with the same settings as a session of its own.</p><button>Relaunch</button></form></details>`}
    </div>
  </article>`;
}

function Extend({ frame, path }: { frame: Frame; path: string }) {
  return html`<details class="confirm"><summary>Extend</summary><form method="post" action="${path}/extend">
    <${Xsrf} frame=${frame} />
    <label>by <select name="seconds"><option value="1800">30 min</option><option value="3600" selected>1 h</option><option value="7200">2 h</option><option value="14400">4 h</option></select></label>
    <p>Where the scheduler lets it: many let users only shorten.</p>
    <button>Extend</button></form></details>`;
}

function Countdown({ session: { startedAt, endsAt, phase, idleSeconds }, now }: { session: SessionView; now: number }) {
  if (phase !== 'ready' || endsAt === undefined) return null;
  const left = Math.max(0, endsAt - now);
  const whole = Math.max(1, endsAt - (startedAt ?? endsAt - 1));
  return html`<div class="countdown ${left <= SOON ? 'soon' : ''}">
    <progress value=${Math.min(left, whole)} max=${whole} aria-label="walltime left"></progress>
    <span>ends ${clock(endsAt, now)}, in ${span(left)}${left > idleSeconds && `, or after ${span(idleSeconds)} without use`}</span>
    ${left <= SOON && html`<p>Save what you need. Your work directory is kept.</p>`}
  </div>`;
}

/** What is to be said of its present state in a sentence. */
function Where({ session, now }: { session: SessionView; now: number }) {
  const { phase, waiting, likelyStart, silentSince, culledAt, internet } = session;
  return html`
    ${phase === 'queued' && html`<p>${waiting ? `Waiting: ${said(waiting)}` : 'Waiting in the queue'}${likelyStart !== undefined && ` · likely start ${clock(likelyStart, now)}`}</p>`}
    ${silentSince && html`<p class="notice wait">Its node has not answered since ${clock(epoch(silentSince), now)}. Nothing is concluded from that: the job goes on as far as anybody knows.</p>`}
    ${culledAt !== undefined && culledAt - now < SOON && html`<p class="notice wait">Nobody uses it: it is ended at ${clock(culledAt, now)}, in ${span(culledAt - now)}.</p>`}
    ${internet === false && html`<p class="dim">Its node has no way to the internet.</p>`}`;
}

function Ended({ session: { ended }, now }: { session: SessionView; now: number }) {
  if (!ended) return null;
  const at = epoch(ended.at);
  return html`<p class="why">${said(ended.words)} <span class="dim">${clock(at, now)}, ${ago(Math.max(0, now - at))}</span></p>`;
}
