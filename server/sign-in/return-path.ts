/**
 * Where to go after signing in: a page of ours, whatever the link says. One parser, the browser's, and the result is
 * written anew from what it understood (SECURITY WEB-07).
 */

const LONGEST = 2000;

/** @param base the endpoint's own address, ending in `/`. Anything that is not a page below it becomes the first page. */
export function returnPath(text: unknown, base: URL): string {
  const home = base.pathname;
  if (typeof text !== 'string' || text.length > LONGEST || !/^\/[\x21-\x7e]*$/.test(text) || text.includes('\\'))
    return home;
  if (!URL.canParse(text, base.origin)) return home;
  const url = new URL(text, base.origin);
  const path = `${url.pathname}${url.search}${url.hash}`;
  // `/..//other.example` stays on the origin while it is parsed, and reads as a host once it is written
  if (url.origin !== base.origin || path.startsWith('//') || !url.pathname.startsWith(home)) return home;
  const below = url.pathname.slice(home.length);
  return /^sign-(?:in|out)(?:\/|$)/.test(below) ? home : path;
}
