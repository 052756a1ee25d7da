/**
 * Which addresses an endpoint may ask on behalf of others (SECURITY GIT-08): only those of the public internet, so that a
 * link cannot make it look into its own machine or the campus. Pure: who resolves a name asks this of every answer.
 */

/** What is not the public internet: RFC 6890's special registries, multicast and what is reserved. */
const PRIVATE_4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
].map((range) => {
  const [base = '', bits = ''] = range.split('/');
  return { base: number4(base) ?? 0, size: 2 ** (32 - Number(bits)) };
});

/** A dotted address as a number; undefined: it is none. */
function number4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The eight groups of an IPv6 address (RFC 4291), a dotted tail included; undefined: it is none. */
function groups6(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)([0-9.]+\.[0-9.]+)$/.exec(text);
  const tail = dotted?.[2] === undefined ? undefined : number4(dotted[2]);
  if (dotted && tail === undefined) return undefined;
  const hex = tail === undefined ? text : `${dotted?.[1]}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`;
  const halves = hex.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const words = [...head, ...Array<string>(missing).fill('0'), ...rest];
  return words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))
    ? words.map((word) => Number.parseInt(word, 16))
    : undefined;
}

function public4(value: number): boolean {
  return !PRIVATE_4.some(({ base, size }) => value >= base && value < base + size);
}

/** Is this text an IP address, v4 dotted or v6 without brackets? */
export function isAddress(text: string): boolean {
  return number4(text) !== undefined || groups6(text) !== undefined;
}

/**
 * Does the address belong to the public internet? What carries an IPv4 address inside (mapped, NAT64, 6to4) is judged by that
 * one too. What is no address, or has a zone (`fe80::1%eth0`), is not public.
 */
export function isPublicAddress(text: string): boolean {
  const four = number4(text);
  if (four !== undefined) return public4(four);
  const groups = groups6(text);
  if (groups === undefined) return false;
  const at = (index: number) => groups[index] ?? 0;
  const embedded = (index: number) => at(index) * 65536 + at(index + 1);
  const zeros = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  if (zeros(0, 5) && at(5) === 0xffff) return public4(embedded(6));
  if (at(0) === 0x64 && at(1) === 0xff9b && zeros(2, 6)) return public4(embedded(6));
  // 2000::/3 is all that was ever given out (IANA)
  if (at(0) >> 13 !== 1) return false;
  if (at(0) === 0x2002) return public4(embedded(1));
  // 2001::/23: Teredo, ORCHID, benchmarking; 2001:db8::/32 and 3fff::/20: documentation
  if (at(0) === 0x2001 && (at(1) < 0x200 || at(1) === 0xdb8)) return false;
  return !(at(0) === 0x3fff && at(1) < 0x1000);
}
