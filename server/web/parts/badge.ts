/** The badge maker: a link to this endpoint that names a repository and what it needs, ready to be pasted. */
import { html } from 'htm/preact';
import type { LaunchWanted } from '../../../core/endpoint.ts';
import { asHpcbinderError } from '../../../core/errors.ts';
import { linkOf } from '../../links/written.ts';
import { wantedOf } from './fields.ts';
import { type Fault, FaultBox, type Frame } from './frame.ts';
import { appWords } from './words.ts';

export type BadgeView = {
  frame: Frame;
  /** the endpoint's address, without a slash at its end */
  address: string;
  apps: readonly string[];
  typed: Readonly<Record<string, string>>;
  wanted?: LaunchWanted;
  fault?: Fault;
  /** what was copied last */
  copied?: string;
};

/** The three ways to write it down. Nothing in an address by `linkOf` ends a bracket, a quote or a back quote. */
export function snippets(address: string, link: string): readonly { name: string; text: string }[] {
  const image = `${address}/badge_logo.svg`;
  const safe = link.replace(/[()<>"'`\\\s]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [
    { name: 'Markdown', text: `[![launch on the cluster](${image})](${safe})` },
    {
      name: 'HTML',
      text: `<a href="${safe.replaceAll('&', '&amp;')}"><img src="${image}" alt="launch on the cluster"></a>`,
    },
    { name: 'reStructuredText', text: `.. image:: ${image}\n   :target: ${safe}\n   :alt: launch on the cluster` },
  ];
}

export function BadgePage({ frame, address, apps, typed, wanted, fault, copied }: BadgeView) {
  const link = wanted && `${address}/${linkOf(wanted)}`;
  const field = (
    name: string,
    label: string,
    hint: string,
  ) => html`<div class="field"><label for=${name}>${label}</label>
    <input id=${name} name=${name} value=${typed[name] ?? ''} placeholder=${hint} spellcheck=${false} /></div>`;
  return html`<h1>Badge</h1>
    <p>A badge in a README opens the repository here, with everything filled in. Whoever clicks sees what it asks for and starts it by a click of their own.</p>
    <div class="columns">
      <form class="badge-form" method="get" action="${frame.base}/badge" autocomplete="off"><fieldset><legend>Opens</legend>
        ${field('repo', 'Repository', 'https://github.com/org/repo')}
        ${field('ref', 'Branch, tag or commit', 'the default branch')}
        ${field('path', 'File or page to open', 'what the app opens by itself')}
        <div class="field"><label for="app">App</label><select id="app" name="app"><option value="">the default one</option>${apps.map(
          (app) => html`<option value=${app} selected=${typed.app === app}>${appWords(app)}</option>`,
        )}</select></div>
        <div class="row">${field('partition', 'Partition', 'the default one')}${field('time', 'Time', '2h')}${field('cpus', 'Cores', '2')}${field('memory', 'Memory', '8G')}${field('gpus', 'GPUs', '0')}</div>
        <p class="dim">A site without what is asked for here gives the nearest that it has, and says so.</p>
        <button class="needs-no-script">Make it</button>
      </fieldset></form>
      <section aria-label="The badge" aria-live="polite">
        ${fault && html`<${FaultBox} fault=${fault} />`}
        ${!link && !fault && html`<p class="dim">Name a repository, and the badge stands here.</p>`}
        ${
          link &&
          html`<p><a class="preview" href=${link}><img src="${frame.base}/badge_logo.svg" alt="launch on the cluster" height="20" /></a></p>
          ${[{ name: 'Link', text: link }, ...snippets(address, link)].map(
            ({
              name,
              text,
            }) => html`<div class="snippet" key=${name}><div class="snippet-head"><h2 id="as-${name}">${name}</h2><button type="button" class="copy plain" data-copy=${name} aria-label="Copy as ${name}">${copied === name ? 'copied' : 'copy'}</button></div>
            <pre tabindex="0" aria-labelledby="as-${name}">${text}</pre></div>`,
          )}`
        }
      </section>
    </div>`;
}

/** What was typed, as a launch that could be asked for, or why it could not. */
export function understood(typed: Readonly<Record<string, string>>): Pick<BadgeView, 'wanted' | 'fault'> {
  if (!typed.repo) return {};
  try {
    return { wanted: wantedOf(typed) };
  } catch (error) {
    const { message, hint, code } = asHpcbinderError(error);
    return { fault: { message, code, ...(hint === undefined ? {} : { hint }) } };
  }
}
