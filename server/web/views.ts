/** Each page as a document's title, body and live module, from what it shows. Pure. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { AdminView, LaunchEvent, LaunchView, SoonerView, TokenView } from '../../core/endpoint.ts';
import type { Refusal } from './deps.ts';
import type { Page } from './document.ts';
import { AdminPage } from './parts/admin.ts';
import { BadgePage, type BadgeView, understood } from './parts/badge.ts';
import { FaultPage } from './parts/fault-page.ts';
import { NOTHING_TOLD, told } from './parts/fold.ts';
import type { Frame } from './parts/frame.ts';
import { type LaunchForm, LaunchPage } from './parts/launch-form.ts';
import { DataPage, TokensPage } from './parts/mine.ts';
import { NOTHING_KEPT, ProgressPage, progressTitle } from './parts/progress.ts';
import { RepositoriesPage, type RepositoriesView } from './parts/repositories.ts';
import { SessionsPage, type SessionsView, sessionsTitle } from './parts/sessions.ts';
import { shownOf } from './parts/shown.ts';
import { Terminal } from './parts/terminal.ts';
import { said } from './parts/words.ts';

/** of a log that a page shows whole */
const MOST_LINES = 5000;
/** a browser without script looks again after so many seconds while something goes on */
const AGAIN = 5;

export function formPage(form: LaunchForm): Page {
  const title = form.link ? `Launch ${said(form.link.shown, 120)}` : 'Launch a repository';
  const body = html`<${LaunchPage} ...${form} />` as VNode;
  return { title, frame: form.frame, at: '/', live: { entry: 'launch', props: form }, body };
}

export function progressPage(
  frame: Frame,
  launch: LaunchView,
  events: readonly LaunchEvent[],
  sooner?: SoonerView,
): Page {
  const story = events.reduce((so, event) => (event.type === 'launch' ? so : told(so, event)), NOTHING_TOLD);
  const view = { frame, launch, story, ...(sooner ? { sooner } : {}) };
  return {
    title: progressTitle(view),
    frame,
    ...(launch.state === 'running' ? { refreshSeconds: AGAIN } : {}),
    live: { entry: 'progress', props: view },
    body: html`<${ProgressPage} ...${view} />` as VNode,
  };
}

export function launchLogPage(frame: Frame, launch: LaunchView, events: readonly LaunchEvent[]): Page {
  const lines = events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
  const none = launch.state === 'running' ? undefined : events.length > 0 ? 'it wrote nothing' : NOTHING_KEPT;
  return logPage(frame, shownOf(launch.wanted), `/launches/${launch.id}`, lines, none);
}

/** `back`: path of the page that it belongs to; `none`: said where there are no lines. */
export function logPage(frame: Frame, name: string, back: string, all: readonly string[], none?: string): Page {
  const lines = all.slice(-MOST_LINES);
  const label = `Log of ${said(name, 120)}`;
  const body = html`<h1>${label}</h1>
    <p><a href="${frame.base}${back}">Back</a></p>
    <${Terminal} lines=${lines} label=${label} left=${all.length - lines.length} none=${none} />`;
  return { title: label, frame, body: body as unknown as VNode };
}

export function sessionsPage(view: SessionsView): Page {
  return {
    title: sessionsTitle(view.sessions),
    frame: view.frame,
    at: '/sessions',
    live: { entry: 'sessions', props: view },
    body: html`<${SessionsPage} ...${view} />` as VNode,
  };
}

export function badgePage(view: Omit<BadgeView, 'wanted' | 'fault'>): Page {
  const whole: BadgeView = { ...view, ...understood(view.typed) };
  const body = html`<${BadgePage} ...${whole} />` as VNode;
  return { title: 'Badge', frame: view.frame, at: '/badge', live: { entry: 'badge', props: whole }, body };
}

export function tokensPage(
  frame: Frame,
  address: string,
  tokens: readonly TokenView[],
  how: { made?: string; refusal?: Refusal } = {},
): Page {
  const { made, refusal } = how;
  const body = html`<${TokensPage} frame=${frame} address=${address} tokens=${tokens} made=${made} fault=${refusal} />`;
  const status = refusal === undefined ? {} : { status: refusal.status };
  return { title: 'API tokens', frame, at: '/tokens', ...status, body: body as VNode };
}

export function repositoriesPage(frame: Frame, tokens: RepositoriesView['tokens'], refusal?: Refusal): Page {
  const body = html`<${RepositoriesPage} frame=${frame} tokens=${tokens} fault=${refusal} />` as VNode;
  const status = refusal === undefined ? {} : { status: refusal.status };
  return { title: 'Private repositories', frame, at: '/repositories', ...status, body };
}

export function dataPage(frame: Frame, retentionDays: number): Page {
  const body = html`<${DataPage} frame=${frame} retentionDays=${retentionDays} />` as VNode;
  return { title: 'Your data', frame, at: '/me', body };
}

export function adminPage(frame: Frame, admin: AdminView): Page {
  return { title: 'Admin', frame, at: '/admin', body: html`<${AdminPage} frame=${frame} admin=${admin} />` as VNode };
}

export function faultPage(frame: Frame, refusal: Refusal): Page {
  const title = titleOf(refusal.status);
  const body = html`<${FaultPage} frame=${frame} title=${title} fault=${refusal} />` as VNode;
  return { title, frame, status: refusal.status, body };
}

function titleOf(status: number): string {
  if (status === 404) return 'There is nothing here';
  if (status === 403) return 'Not allowed';
  return status >= 500 ? 'This did not work' : 'This cannot be done';
}
