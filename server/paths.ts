/**
 * One look at the request target; what passes is forwarded as the very same string, so that the proxy and the app can
 * never mean different things by it (SECURITY WEB-07, WEB-08). Jupyter's own `%2F` in names stays legal.
 */

/** Why the request target is refused, or undefined where it is fine. */
export function refusedTarget(target: string): string | undefined {
  if (!target.startsWith('/')) return 'only origin-form targets are served';
  if (!/^[\x21-\x7e]*$/.test(target) || /[\\#]/.test(target)) return 'a character that no URL holds';
  const path = target.split('?', 1)[0] ?? '';
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return 'a broken percent-encoding';
  if (/%(?:[01][0-9A-Fa-f]|7F|5C)/i.test(path)) return 'an encoded control character or backslash';
  // As the most lenient reader would take it: encoded slashes and dots are slashes and dots.
  const lenient = path.replace(/%2F/gi, '/').replace(/%2E/gi, '.');
  if (lenient.startsWith('//')) return 'a path that reads as a host';
  // `/a/..;x/` is a dot segment to servers that cut path parameters.
  if (lenient.split('/').some((segment) => /^\.{1,2}(?:;|$)/.test(segment))) return 'a dot segment';
  return undefined;
}
