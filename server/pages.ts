/** The proxy's own pages: small, calm, no script, nothing loaded. All that comes from elsewhere is escaped. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { harmless } from '../core/text.ts';
import { type Answer, answer, plain, wantsHtml } from './answers.ts';
import type { Route } from './routes.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 38rem; margin: 15vh auto 0; padding: 0 1rem; }
h1 { font-size: 1.25rem; font-weight: 600; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
label { display: block; margin: 1rem 0; overflow-wrap: anywhere; }
input { display: block; box-sizing: border-box; width: 100%; font: inherit; padding: 0.4rem; margin-top: 0.25rem; }
button { font: inherit; padding: 0.4rem 1rem; }
footer { margin-top: 2rem; opacity: 0.65; font-size: 0.875rem; }
`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const CSP = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return harmless(text).replace(/[&<>"']/g, (c) => names[c] ?? c);
}

/** A field that is typed into; `secret`: without being shown. */
export type Field = {
  name: string;
  label: string;
  secret: boolean;
  fills: 'username' | 'current-password' | 'one-time-code';
};

/** A line is a sentence, a sentence with something to type, a link, or a button, with fields above it where something is asked. */
export type Line =
  | string
  | { say: string; command: string }
  | { say: string; href: string }
  | { say: string; action: string; fields: Readonly<Record<string, string>>; asks?: readonly Field[] };

export type Page = { status: number; title: string; lines: readonly Line[]; footer?: string; refreshSeconds?: number };

function html(line: Line): string {
  if (typeof line === 'string') return `<p>${escapeHtml(line)}</p>`;
  if ('command' in line) return `<p>${escapeHtml(line.say)}<br><code>${escapeHtml(line.command)}</code></p>`;
  if ('href' in line) return `<p><a href="${escapeHtml(line.href)}">${escapeHtml(line.say)}</a></p>`;
  const fields = Object.entries(line.fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  const asks = (line.asks ?? []).map(
    ({ name, label, secret, fills }, at) =>
      `<label>${escapeHtml(label)}<input name="${escapeHtml(name)}" type="${secret ? 'password' : 'text'}" autocomplete="${fills}" autocapitalize="none" spellcheck="false" maxlength="1000"${at === 0 ? ' required autofocus' : ''}></label>`,
  );
  return `<form method="post" action="${escapeHtml(line.action)}">${fields.join('')}${asks.join('')}<button>${escapeHtml(line.say)}</button></form>`;
}

function text(line: Line): string {
  if (typeof line === 'string') return harmless(line);
  if ('action' in line) return harmless(`${line.say}: POST ${line.action}`);
  return harmless(`${line.say} ${'command' in line ? line.command : line.href}`);
}

/** HTML for a person, one text for a script. */
export function page(req: IncomingMessage, what: Page): Answer {
  const retry: Record<string, string> =
    what.refreshSeconds === undefined ? {} : { 'Retry-After': String(what.refreshSeconds) };
  if (!wantsHtml(req)) {
    const said = plain(what.status, [what.title, ...what.lines.map(text)].join('\n'));
    return { ...said, headers: { ...said.headers, ...retry } };
  }
  const refresh =
    what.refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${what.refreshSeconds}">\n`;
  const footer = what.footer === undefined ? '' : `<footer>${escapeHtml(what.footer)}</footer>\n`;
  const title = escapeHtml(what.title);
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${refresh}<title>${title}</title>
<style>${STYLE}</style>
<main>
<h1>${title}</h1>
${what.lines.map(html).join('\n')}
</main>
${footer}</html>
`;
  const forms = what.lines.some((line) => typeof line !== 'string' && 'action' in line);
  const policy = `${CSP}; form-action ${forms ? "'self'" : "'none'"}`;
  const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy, ...retry };
  return answer(what.status, body, headers);
}

/** What to do next: at an endpoint a link to its page, on a laptop something to type. */
function next(route: Route, typed: { say: string; command: string }, say: string): Line {
  const { home } = route.words();
  return home === undefined ? typed : { say, href: home };
}

/** Spent code, wrong code, no cookie: one page, for the difference helps only those who guess. */
export function denied(req: IncomingMessage, route: Route): Answer {
  return page(req, {
    status: 403,
    title: 'This link does not open the session',
    lines: [
      'A link to a session works once, in one browser, and this one has been used or is incomplete.',
      'A cookie takes its place: a browser that takes none from this address cannot open the session.',
      next(
        route,
        { say: 'Open the session again with:', command: `hpcbinder open ${route.sessionId}` },
        'Open it from My sessions',
      ),
    ],
  });
}

/** On an address whose cookies all ports share, the session's own name is offered first (SECURITY NET-11). */
export function choice(req: IncomingMessage, how: { better: string; here: string }): Answer {
  return page(req, {
    status: 200,
    title: 'Open the session under its own name',
    lines: [
      { say: 'Open the session', href: how.better },
      'Under its own name the session is kept apart from everything else that this browser opens on this machine.',
      'Some browsers (Safari) do not find that name. There, go on at this address:',
      { say: 'Go on here', href: how.here },
    ],
  });
}

export function starting(req: IncomingMessage, route: Route): Answer {
  return page(req, {
    status: 503,
    title: 'The session is starting',
    lines: ['It opens here by itself as soon as it answers.'],
    footer: route.words().repo,
    refreshSeconds: 3,
  });
}

/** The agent in the job cannot be reached, or whoever answered was not the agent. */
export function lost(req: IncomingMessage, route: Route): Answer {
  return page(req, {
    // not 502: JupyterLab takes that for the death of its kernel, and of 503 it knows that it will pass
    status: 503,
    title: 'No contact with the session',
    lines: [
      'The compute node does not answer at the moment. This page tries again by itself; a running job goes on meanwhile.',
      next(
        route,
        { say: 'What is known of the session:', command: `hpcbinder status ${route.sessionId}` },
        'What is known of it is in My sessions',
      ),
    ],
    footer: route.words().repo,
    refreshSeconds: 5,
  });
}

/** The job's processes are stopped where they are, and go on as if nothing had been (SECURITY F-25). */
export function suspended(req: IncomingMessage, route: Route): Answer {
  return page(req, {
    status: 503,
    title: 'The session is suspended',
    lines: [
      'The scheduler has suspended the job, usually for one of higher priority. Kernels and files stay as they are.',
      'This page goes on by itself when the job does.',
    ],
    footer: route.words().repo,
    refreshSeconds: 15,
  });
}

export function slow(req: IncomingMessage, route: Route, seconds: number): Answer {
  return page(req, {
    status: 504,
    title: 'The session is slow to answer',
    lines: [
      `The app has not answered for ${seconds} s. It may be busy; reload to try again.`,
      next(
        route,
        { say: 'What the app says:', command: `hpcbinder logs ${route.sessionId}` },
        'What the app says is in its log, in My sessions',
      ),
    ],
    footer: route.words().repo,
  });
}

export function ended(req: IncomingMessage, route: Route): Answer {
  const words = route.words();
  return page(req, {
    status: 410,
    title: 'This session has ended',
    lines: [
      words.ended ?? 'The job is over.',
      { say: 'Your work is kept at:', command: words.work },
      next(route, { say: 'Go on later with:', command: words.relaunch }, 'Launch it again from My sessions'),
    ],
    footer: words.repo,
  });
}
