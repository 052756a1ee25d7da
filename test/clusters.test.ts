import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import { read } from './sources.ts';

const text = read('docs/clusters.md');

/** The keys that the reader itself names where it meets one that it does not know. */
function keysAt(place: string): string[] {
  try {
    parseConfig(place.replace('…', 'qqqqqqqqqqqqqqqq: 1'), 'config.yaml');
  } catch (error) {
    if (error instanceof HpcbinderError) return (error.hint ?? '').replace('Known keys: ', '').split(', ');
  }
  return [];
}

function rowsOf(heading: string): string[] {
  const section = text.split(/^##+ /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? '');
}

describe('docs/clusters.md', () => {
  it.each([
    ['The file itself', '…'],
    ['A cluster', 'clusters: {hpc: {…}}'],
    ['`defaults`', 'defaults: {…}'],
    ['`pip`', 'pip: {…}'],
    ['`bases` of a cluster', 'clusters: {hpc: {bases: {"3.13": {…}}}}'],
  ])('has under "%s" the keys that can be written there, and no other', (heading, place) => {
    const keys = keysAt(place);
    expect(keys.length).toBeGreaterThan(1);
    expect(rowsOf(heading).sort()).toEqual(keys.sort());
  });

  it('has the same defaults for the file and for a cluster', () =>
    expect(keysAt('clusters: {hpc: {defaults: {…}}}')).toEqual(keysAt('defaults: {…}')));

  it('has an example that can be read', () => {
    const example = /^```yaml\n([\s\S]*?)^```/m.exec(text)?.[1] ?? '';
    expect(parseConfig(example, 'example').clusters?.get('hpc')?.ports?.length).toBe(101);
  });
});
