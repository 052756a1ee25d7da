/** A page as it is sent: the document, and the headers that keep it to itself (SECURITY WEB-06, WEB-13, WEB-20). */
import type { FastifyReply } from 'fastify';
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { Frame } from './parts/frame.ts';
import { Header, Notices } from './parts/header.ts';
import type { Entry, StaticFiles } from './static.ts';

/** `data:` is for the empty icon, without which browsers ask for one. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];

/**
 * `formsTo`: other origins to which a form's answer may lead the browser (Chromium holds redirects to form-action too): the
 * sessions' own names, and the sign-in's.
 */
export function pageHeaders(formsTo: readonly string[]): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy': [...POLICY, `form-action ${["'self'", ...formsTo].join(' ')}`].join('; '),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=()',
    'Cache-Control': 'no-store',
  };
}

export type Page = {
  title: string;
  frame: Frame;
  body: VNode;
  /** path of the page, for the mark in the navigation */
  at?: string;
  /** the module that makes it live, and what that begins with */
  live?: { entry: Entry; props: object };
  /** without script the page looks again after so many seconds */
  refreshSeconds?: number;
  status?: number;
};

export function documentOf(page: Page, files: StaticFiles): string {
  const { title, frame, body, at, live, refreshSeconds } = page;
  const file = (name: Parameters<StaticFiles['named']>[0]) => `${frame.base}/static/${files.named(name)}`;
  return `<!doctype html>${renderToString(
    html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${title}${title !== frame.site && ` · ${frame.site}`}</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href=${file('style.css')} />
      ${refreshSeconds !== undefined && html`<noscript><meta http-equiv="refresh" content=${refreshSeconds} /></noscript>`}
      ${live && html`<script type="module" src=${file(`${live.entry}.js`)}></script>`}
    </head>
    <body>
      <${Header} frame=${frame} at=${at} />
      <${Notices} frame=${frame} />
      <main id="main" tabindex="-1" data-props=${live && JSON.stringify(live.props)}>${body}</main>
    </body>
  </html>` as VNode,
  )}`;
}

export function sendPage(
  reply: FastifyReply,
  page: Page,
  files: StaticFiles,
  formsTo: readonly string[],
): FastifyReply {
  return reply
    .code(page.status ?? 200)
    .headers(pageHeaders(formsTo))
    .type('text/html; charset=utf-8')
    .send(documentOf(page, files));
}
