/** Slurm's short form of node lists: `c[1-3,7],gpu-[01-10]-ib` (slurm.conf(5), NodeName; multi-dimensional too). */
const MOST = 10_000;

/** Every node named, in order; leading zeros stay. Malformed or absurdly long lists name no node at all. */
export function expandHostlist(text: string): string[] {
  if (/^[A-Za-z0-9_.-]+$/.test(text)) return [text];
  const hosts: string[] = [];
  for (const part of splitOutsideBrackets(text)) {
    const expanded = expandOne(part);
    if (expanded === undefined || hosts.length + expanded.length > MOST) return [];
    hosts.push(...expanded);
  }
  return hosts;
}

function splitOutsideBrackets(text: string): string[] {
  return text === '' ? [] : text.split(/,(?![^[]*\])/);
}

function expandOne(part: string): string[] | undefined {
  const match = /^([A-Za-z0-9_.-]*)(?:\[([0-9,-]+)\](.*))?$/.exec(part);
  if (match === null || part === '') return undefined;
  const [, prefix = '', ranges, rest = ''] = match;
  if (ranges === undefined) return [prefix];
  const numbers = expandRanges(ranges);
  const tails = rest === '' ? [''] : expandOne(rest);
  if (numbers === undefined || tails === undefined || numbers.length * tails.length > MOST) return undefined;
  return numbers.flatMap((number) => tails.map((tail) => prefix + number + tail));
}

function expandRanges(text: string): string[] | undefined {
  const numbers: string[] = [];
  for (const range of text.split(',')) {
    const match = /^([0-9]{1,9})(?:-([0-9]{1,9}))?$/.exec(range);
    if (match === null) return undefined;
    const [, first = '', last = first] = match;
    if (Number(last) < Number(first) || Number(last) - Number(first) > MOST) return undefined;
    for (let n = Number(first); n <= Number(last); n++) numbers.push(String(n).padStart(first.length, '0'));
  }
  return numbers;
}
