/** Start sooner: other shapes of the waiting job, when each would start, and a button that makes it the job's. */
import { html } from 'htm/preact';
import type { LaunchView, ShapeView, SoonerView } from '../../../core/endpoint.ts';
import { linkOf } from '../../links/written.ts';
import { startWords } from './forecast.ts';
import { type Frame, Xsrf } from './frame.ts';
import { said, span } from './words.ts';

export function StartSooner({ frame, launch, sooner }: { frame: Frame; launch: LaunchView; sooner?: SoonerView }) {
  return html`<section class="sooner" aria-labelledby="sooner"><h2 id="sooner">Start sooner</h2>
    ${sooner && html`<${Told} frame=${frame} launch=${launch} sooner=${sooner} />`}
    <form method="post" action="${frame.base}/launches/${launch.id}/sooner"><${Xsrf} frame=${frame} />
      <button>${sooner ? 'Ask again' : 'What would start sooner?'}</button>
      <p class="dim">Asks the scheduler about at most 6 other shapes, one a second. Nothing changes by asking.</p></form>
  </section>`;
}

function Told({ frame, launch, sooner }: { frame: Frame; launch: LaunchView; sooner: SoonerView }) {
  const { own, others, asked, canChange, askedAt } = sooner;
  const when = (one: ShapeView) => startWords(one, frame.now);
  return html`<ul class="shapes">
      ${others.map((one) => html`<li key=${one.words}><span>${said(one.words, 200)}</span> <span>${when(one)}</span> <${Choose} frame=${frame} launch=${launch} one=${one} canChange=${canChange} /></li>`)}
      <li><span>${said(own.words, 200)}</span> <span>${when(own)}</span> <span class="dim">as submitted</span></li>
    </ul>
    ${others.length === 0 && html`<p>${asked === 0 ? 'Nothing starts sooner than now.' : `Of ${asked} other shapes none starts sooner.`}</p>`}
    ${others.length > 0 && !canChange && html`<p>This scheduler changes no job that waits: cancel this launch, then launch again with less.</p>`}
    <p class="dim">Asked ${span(Math.max(0, frame.now - askedAt))} ago${own.by === 'free nodes' ? ', by the nodes that are free: this scheduler gives no estimates' : others.length > 0 ? '; counted behind your waiting job, without it they start no later' : ''}.</p>`;
}

type ChooseProps = { frame: Frame; launch: LaunchView; one: ShapeView; canChange: boolean };

function Choose({ frame, launch, one, canChange }: ChooseProps) {
  const words = said(one.words, 200);
  if (!canChange) {
    const { partition: _, gpuType: __, ...wanted } = launch.wanted;
    const link = `${frame.base}/${linkOf({ ...wanted, ...one.shape })}`;
    return html`<a class="button" href=${link}>Form<span class="hidden"> for ${words}</span></a>`;
  }
  return html`<form method="post" action="${frame.base}/launches/${launch.id}/shape"><${Xsrf} frame=${frame} />
    ${Object.entries(one.shape).map(([name, value]) => html`<input type="hidden" name=${name} value=${value} />`)}
    <button>Change to this<span class="hidden"> shape, ${words}</span></button></form>`;
}
