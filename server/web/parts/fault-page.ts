/** What went wrong, as a page. */
import { html } from 'htm/preact';
import { type Fault, FaultBox, type Frame } from './frame.ts';
import { said } from './words.ts';

export function FaultPage({ frame, title, fault }: { frame: Frame; title: string; fault: Fault }) {
  return html`<div class="narrow"><h1>${said(title, 200)}</h1><${FaultBox} fault=${fault} />
    <p><a href="${frame.base}/">Launch a repository</a>${frame.user && html` · <a href="${frame.base}/sessions">My sessions</a>`}</p></div>`;
}
