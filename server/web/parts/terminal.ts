/**
 * Output of builds and jobs as a terminal shows it. Every piece is a text node with classes: the page's policy allows no style
 * of its own to anybody, which is why no terminal emulator is used (they write styles), and no byte of others becomes markup.
 */
import { type Color, createAnsiSequenceParser } from 'ansi-sequence-parser';
import { html } from 'htm/preact';
import { harmless, stayed } from '../../../core/text.ts';

/** sequences that are no colour: titles, links, cursor, character sets */
const OTHERS =
  /\u001b\](?:[^\u0007\u001b]*)(?:\u0007|\u001b\\)?|\u001b\[[0-?]*[ -/]*[@-ln-~]|\u001b[@-Z\\^_=>()][0-9A-B]?/g;
/** a line of output without an end must not make a page that cannot be shown */
const MOST_COLUMNS = 4000;

type Piece = { text: string; classes: string };

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

function classOf(color: Color | null): string | undefined {
  if (color === null || color.type === 'rgb') return undefined;
  const name = color.type === 'named' ? color.name : color.index < 16 ? NAMES[color.index % 8] : undefined;
  const plain = name?.replace(/^bright/, '').toLowerCase();
  return plain === undefined || plain === 'black' || plain === 'white' ? undefined : `t-${plain}`;
}

/** One line → its pieces. Of a line that was drawn over (a progress bar) only what stayed; colours of 256 and more are dropped. */
export function piecesOf(line: string): Piece[] {
  const shown = stayed(line).slice(0, MOST_COLUMNS).replace(OTHERS, '');
  return createAnsiSequenceParser()
    .parse(shown.replaceAll('\t', '    '))
    .map(({ value, foreground, decorations }) => ({
      text: harmless(value),
      classes: [classOf(foreground), decorations.has('bold') && 't-bold', decorations.has('dim') && 't-dim']
        .filter(Boolean)
        .join(' '),
    }));
}

export function Line({ line }: { line: string }) {
  const pieces = piecesOf(line);
  return html`<div>${pieces.map(({ text, classes }) => (classes === '' ? text : html`<span class=${classes}>${text}</span>`))}${pieces.length === 0 && '\u00a0'}</div>`;
}

/** `label`: whose output it is; `left`: how many lines went before; `none`: said where there are none. */
export type TerminalView = { lines: readonly string[]; label: string; left?: number; none?: string };

/** It can be scrolled by keyboard, so it takes the focus. */
export function Terminal({ lines, label, left = 0, none = 'nothing was written yet' }: TerminalView) {
  return html`<div class="terminal" role="log" aria-label=${label} aria-live="off" tabindex="0">
    ${left > 0 && html`<div class="t-dim">… ${left} lines before</div>`}
    ${lines.map((line, at) => html`<${Line} key=${left + at} line=${line} />`)}
    ${lines.length === 0 && html`<div class="t-dim">${none}</div>`}
  </div>`;
}
