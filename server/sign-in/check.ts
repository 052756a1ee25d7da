/** What of the settings cannot be safe, by the settings alone: no file is read, nobody is asked. */
import { HpcbinderError } from '../../core/errors.ts';
import { headerFault } from './header.ts';
import { isLoopback, isSafeIssuer } from './oidc.ts';
import type { SignInOptions } from './types.ts';

/** @throws HpcbinderError E-SIGN-IN */
export function checkSignIn(options: SignInOptions, base: URL): void {
  const fault = faultOf(options, base);
  if (fault !== undefined) throw new HpcbinderError('E-SIGN-IN', fault);
}

function faultOf(
  { oidc, header, ssh, unixSocket }: SignInOptions,
  base: URL,
): { message: string; hint: string } | undefined {
  const fault = (message: string, hint: string) => ({ message, hint });
  if (base.protocol !== 'https:' && !isLoopback(base))
    return fault(
      `url: ${base.origin} is not https`,
      'Cookies would travel in the clear. Plain http is for localhost only.',
    );
  if (!base.pathname.endsWith('/')) return fault(`url: ${base.href} does not end in "/"`, `Write ${base.href}/`);
  if ([oidc, header, ssh].filter((way) => way !== undefined).length !== 1)
    return fault(
      'sign_in: exactly one of oidc, header and ssh is needed',
      'Nobody can enter without, and two could disagree.',
    );
  if (header !== undefined) return headerFault(header, unixSocket ?? false);
  if (oidc === undefined) return undefined;
  if (!isSafeIssuer(oidc.issuer))
    return fault(
      `sign_in.oidc.issuer: ${oidc.issuer} is not https`,
      'Whoever reads the line in between could be anybody.',
    );
  return undefined;
}
