/**
 * Our cookies on the endpoint's own origin. `__Host-` keeps session origins, which are our subdomains, from setting one for
 * us (SECURITY WEB-12, CVE-2024-28233); plain http is served on loopback only, where that prefix is not to be had.
 */
import { parseCookies } from '../access.ts';

export type CookieJar = ReturnType<typeof cookies>;

/** @param base the endpoint's own address */
export function cookies(base: URL) {
  const secure = base.protocol === 'https:';
  const prefix = secure ? '__Host-' : '';
  const attributes = (seconds: number) => `Max-Age=${seconds}; SameSite=Lax${secure ? '; Secure' : ''}`;
  const login = `${prefix}hpcbinder`;
  const pending = (state: string) => `${prefix}hpcbinder-sign-in-${state.slice(0, 8)}`;
  const host = (name: string, value: string, seconds: number) =>
    `${name}=${value}; Path=/; HttpOnly; ${attributes(seconds)}`;
  return {
    /** Every value that stands under the name, in order: over plain http another port may have set one too. */
    logins: (header: string | undefined) => valuesOf(header, login).filter((value) => SECRET.test(value)),
    setLogin: (value: string, seconds: number) => host(login, value, seconds),
    clearLogin: () => host(login, '', 0),
    /** One per sign-in that is under way, so that two tabs do not disturb each other. */
    pending: (header: string | undefined, state: string) => valuesOf(header, pending(state)),
    setPending: (state: string, value: string, seconds: number) => host(pending(state), value, seconds),
    clearPending: (state: string) => host(pending(state), '', 0),
    /** BinderHub's client reads it by this name on launch pages, and nowhere else is it seen. */
    setXsrf: (value: string, seconds: number) => `_xsrf=${value}; Path=${base.pathname}v2/; ${attributes(seconds)}`,
  };
}

const SECRET = /^[A-Za-z0-9_-]{43}$/;

function valuesOf(header: string | undefined, name: string): string[] {
  return parseCookies(header)
    .filter(([each]) => each === name)
    .map(([, value]) => value)
    .slice(0, 3);
}
