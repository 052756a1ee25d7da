/** Pages of a few sentences: sign-in, no account, what went wrong. */
import { html } from 'htm/preact';
import { type Fault, FaultBox, type Frame } from './frame.ts';
import { said } from './words.ts';

/** `ways`: one button each; a way is a link to where the sign-in begins. */
export type SignInView = { frame: Frame; ways: readonly { words: string; href: string }[]; why?: string };

export function SignInPage({ frame, ways, why }: SignInView) {
  return html`<div class="narrow"><h1>Sign in</h1>
    <p>${why ? said(why) : 'Repositories that you launch here run on the cluster as you.'}</p>
    <div class="actions">${ways.map(({ words, href }) => html`<a class="button go" href=${href}>${said(words, 80)}</a>`)}</div>
    <p class="dim">${said(frame.site, 80)}. One cookie is set, to know you again; there is no other.</p></div>`;
}

/** Signed in somewhere, and no account of the cluster belongs to it. */
export function NoAccountPage({ identity, ask }: { frame: Frame; identity: string; ask?: string }) {
  return html`<div class="narrow"><h1>No account</h1>
    <p>You are signed in as <code>${said(identity, 200)}</code>, and no account of the cluster belongs to that here.</p>
    <p>${ask ? said(ask) : 'Ask the people who run the cluster for an account, or to enter yours for this endpoint.'}</p></div>`;
}

export function FaultPage({ frame, title, fault }: { frame: Frame; title: string; fault: Fault }) {
  return html`<div class="narrow"><h1>${said(title, 200)}</h1><${FaultBox} fault=${fault} />
    <p><a href="${frame.base}/">Launch a repository</a>${frame.user && html` · <a href="${frame.base}/sessions">My sessions</a>`}</p></div>`;
}
