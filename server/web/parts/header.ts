/** What stands above every page: whose it is, the ways to the others, what the site announces. The server alone writes it. */
import { html } from 'htm/preact';
import { type Frame, Xsrf } from './frame.ts';
import { said } from './words.ts';

/** The ways to the other pages; `at`: the one that this is. */
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

/** What the site announces, and that no launch is accepted. */
export function Notices({ frame }: { frame: Frame }) {
  return html`
    ${frame.announcement && html`<p class="notice" role="note">${said(frame.announcement, 2000)}</p>`}
    ${
      frame.drained !== undefined &&
      html`<p class="notice wait" role="note">No new launches at present${frame.drained && `: ${said(frame.drained, 400)}`}. Sessions that run go on.</p>`
    }`;
}
