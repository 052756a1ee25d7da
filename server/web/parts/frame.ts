/** What stands around every page: whose it is, the ways to the others, what the site announces. */
import { html } from 'htm/preact';
import type { User } from '../../../core/endpoint.ts';
import { said } from './words.ts';

/** What every page knows. */
export type Frame = {
  /** path of the endpoint's address, without a slash at its end: '' at the root */
  base: string;
  /** the site's name */
  site: string;
  user?: User;
  /** goes into every form, and as X-Xsrftoken with every request that changes something */
  xsrf?: string;
  /** live sessions of the user */
  live?: number;
  announcement?: string;
  /** why no launch is accepted at present */
  drained?: string;
  /** epoch seconds when the page was written */
  now: number;
};

/** The hidden field that every form which changes something carries (SECURITY WEB-05). */
export function Xsrf({ frame }: { frame: Frame }) {
  return html`<input type="hidden" name="_xsrf" value=${frame.xsrf ?? ''} />`;
}

export function Header({ frame, at }: { frame: Frame; at?: string }) {
  const way = (path: string, text: string) =>
    html`<a href="${frame.base}${path}" aria-current=${at === path ? 'page' : undefined}>${text}</a>`;
  return html`<header>
    <a class="skip" href="#main">Skip to the content</a>
    <a class="home" href="${frame.base}/"><strong>hpcbinder</strong> <span>${said(frame.site, 80)}</span></a>
    ${
      frame.user &&
      html`<nav aria-label="Pages">
        ${way('/', 'Launch')}
        ${way('/sessions', frame.live ? `My sessions (${frame.live})` : 'My sessions')}
        ${way('/badge', 'Badge')}
        ${frame.user.roles.includes('admin') && way('/admin', 'Admin')}
        <details class="menu">
          <summary>${said(frame.user.shown, 40)}</summary>
          <div>
            <p>Runs as <code>${said(frame.user.account, 40)}</code></p>
            ${way('/repositories', 'Private repositories')} ${way('/tokens', 'API tokens')} ${way('/me', 'Your data')}
            <form method="post" action="${frame.base}/sign-out"><${Xsrf} frame=${frame} /><button class="plain">Sign out</button></form>
          </div>
        </details>
      </nav>`
    }
  </header>`;
}

export function Notices({ frame }: { frame: Frame }) {
  return html`
    ${frame.announcement && html`<p class="notice" role="note">${said(frame.announcement, 2000)}</p>`}
    ${
      frame.drained !== undefined &&
      html`<p class="notice wait" role="note">No new launches at present${frame.drained && `: ${said(frame.drained, 400)}`}. Sessions that run go on.</p>`
    }`;
}

export type Fault = { message: string; hint?: string; code?: string };

/** What went wrong and what to do: message, hint, code. */
export function FaultBox({ fault }: { fault: Fault }) {
  return html`<div class="fault" role="alert">
    <p><strong>${said(fault.message, 1000)}</strong></p>
    ${fault.hint && html`<p class="lines">${fault.hint.split('\n').map((line) => html`${said(line)}<br />`)}</p>`}
    ${fault.code && html`<p class="dim">code ${said(fault.code, 40)}</p>`}
  </div>`;
}
