/** Rows of many columns. */
import { html } from 'htm/preact';

export type Row = { key: string; cells: readonly unknown[] };

/** Wide tables scroll by themselves, by keyboard too, so that the page never does sideways. */
export function Table({
  name,
  none,
  heads,
  rows,
}: {
  name: string;
  none: string;
  heads: readonly string[];
  rows: readonly Row[];
}) {
  if (rows.length === 0) return html`<p class="dim">${none}</p>`;
  return html`<div class="wide" tabindex="0" role="region" aria-label=${name}><table>
    <thead><tr>${heads.map((head) => html`<th scope="col">${head || html`<span class="hidden">Actions</span>`}</th>`)}</tr></thead>
    <tbody>${rows.map(({ key, cells }) => html`<tr key=${key}>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
