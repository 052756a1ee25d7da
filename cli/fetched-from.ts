/** Where a build's steps fetch from, for a look at the way to it before they begin. Pure. */
import type { BuildPlan, BuildSettings } from '../core/artifacts.ts';

/**
 * `host port`, of pip's index and of apt's mirror, where a step uses them. `own: false` leaves out those of the user's or site's
 * config, which nodes may reach without the internet.
 */
export function fetchedFrom(
  plan: BuildPlan,
  { pip, aptMirror }: BuildSettings,
  how: { own: boolean } = { own: true },
): string[] {
  const shell = plan.steps.map((step) => (step.kind === 'run' ? step.shell : '')).join('\n');
  const uses = (pattern: RegExp) => pattern.test(shell);
  const wanted = [
    uses(/\bpip\b[^\n]*\binstall\b/) ? place(pip.indexUrl, 'https://pypi.org', how) : undefined,
    uses(/\bapt-get\b/) ? place(aptMirror, 'http://deb.debian.org', how) : undefined,
  ];
  return wanted.filter((one) => one !== undefined);
}

function place(own: string | undefined, usual: string, how: { own: boolean }): string | undefined {
  if (own !== undefined && !how.own) return undefined;
  const url = new URL(own !== undefined && URL.canParse(own) ? own : usual);
  if (!/^[A-Za-z0-9.-]+$/.test(url.hostname)) return undefined;
  return `${url.hostname} ${url.port || (url.protocol === 'http:' ? '80' : '443')}`;
}
