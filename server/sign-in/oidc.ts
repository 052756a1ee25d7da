/**
 * OpenID Connect, spoken by openid-client: authorization code, PKCE, state, nonce, and the ID token's signature. Nothing of the
 * provider's is kept: its tokens are forgotten as soon as they have said who it is.
 */
import type { Configuration } from 'openid-client';
import { HpcbinderError } from '../../core/errors.ts';
import { isIdentity } from './accounts.ts';
import { readSecretFile } from './secret-file.ts';
import type { OidcOptions } from './types.ts';

const DEADLINE_SECONDS = 10;
const CLOCK_TOLERANCE_SECONDS = 60;
/** The provider's own description is asked for again after this. */
const KEEP_MILLISECONDS = 3_600_000;

/** What must come back as it went out; it waits in the browser's own cookie. */
export type Pending = { state: string; nonce: string; verifier: string };

export class Oidc {
  readonly #options: OidcOptions;
  readonly #issuer: URL;
  readonly #callback: URL;
  readonly #afterSignOut: URL;
  readonly #secret: string | undefined;
  #known: { at: number; configuration: Promise<Configuration> } | undefined;

  private constructor(options: OidcOptions, base: URL, secret: string | undefined) {
    this.#options = options;
    this.#issuer = new URL(options.issuer);
    this.#callback = new URL('sign-in/callback', base);
    this.#afterSignOut = new URL('sign-out', base);
    this.#secret = secret;
  }

  /** The provider is not asked before somebody signs in: an endpoint starts while it is down. */
  static async create(options: OidcOptions, base: URL): Promise<Oidc> {
    const file = options.clientSecretFile;
    const secret = file === undefined ? undefined : await readSecretFile(file, 'sign_in.oidc.client_secret_file');
    return new Oidc(options, base, secret);
  }

  /** @returns where to send the browser */
  async begin(): Promise<{ url: URL; pending: Pending }> {
    const client = await import('openid-client');
    const configuration = await this.#configuration();
    const pending = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback.href,
      response_type: 'code',
      scope: [...new Set(['openid', ...(this.#options.scopes ?? [])])].join(' '),
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
    });
    return { url, pending };
  }

  /** @param query of the callback, with `?`. @returns the identity. Errors: E-SIGN-IN. */
  async finish(query: string, pending: Pending): Promise<string> {
    const client = await import('openid-client');
    const configuration = await this.#configuration();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, new URL(query, this.#callback), {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw refused('there is no ID token in it');
      if (claims[this.#options.accountClaim] !== undefined) return this.#identity(claims);
      return this.#identity(await client.fetchUserInfo(configuration, tokens.access_token, claims.sub));
    } catch (error) {
      throw explained(error, client);
    }
  }

  /** Where the browser signs out at the provider too, if it offers that. */
  async signOutUrl(): Promise<URL | undefined> {
    const client = await import('openid-client');
    const configuration = await this.#configuration().catch(() => undefined);
    if (configuration?.serverMetadata().end_session_endpoint === undefined) return undefined;
    return client.buildEndSessionUrl(configuration, { post_logout_redirect_uri: this.#afterSignOut.href });
  }

  #identity(claims: Readonly<Record<string, unknown>>): string {
    const { accountClaim } = this.#options;
    // An address that nobody has verified is what its owner typed.
    if (accountClaim === 'email' && claims.email_verified !== true) throw refused('the email address is not verified');
    const identity = claims[accountClaim];
    if (!isIdentity(identity)) throw refused(`it has no usable claim "${accountClaim}"`);
    return identity;
  }

  /** One discovery for all who come meanwhile; a failed one is not kept. */
  #configuration(): Promise<Configuration> {
    const known = this.#known;
    if (known !== undefined && Date.now() - known.at < KEEP_MILLISECONDS) return known.configuration;
    const configuration = this.#discover();
    this.#known = { at: Date.now(), configuration };
    configuration.catch(() => {
      if (this.#known?.configuration === configuration) this.#known = undefined;
    });
    return configuration;
  }

  async #discover(): Promise<Configuration> {
    const client = await import('openid-client');
    const { clientId } = this.#options;
    const issuer = this.#issuer;
    const secret = this.#secret;
    const post = client.ClientSecretPost(secret);
    const basic = client.ClientSecretBasic(secret);
    // OpenID Connect Discovery 1.0: without a list, client_secret_basic is what the provider takes
    const authentication: typeof post = (server, ...rest) =>
      ((server.token_endpoint_auth_methods_supported?.includes('client_secret_basic') ?? true) ? basic : post)(
        server,
        ...rest,
      );
    try {
      const configuration = await client.discovery(
        issuer,
        clientId,
        { [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
        secret === undefined ? client.None() : authentication,
        { timeout: DEADLINE_SECONDS, execute: isLoopback(issuer) ? [client.allowInsecureRequests] : [] },
      );
      // The line to the token endpoint is not all that we rely on.
      client.enableNonRepudiationChecks(configuration);
      return configuration;
    } catch (error) {
      throw explained(error, client);
    }
  }
}

export function isSafeIssuer(issuer: string): boolean {
  return URL.canParse(issuer) && (issuer.startsWith('https:') || isLoopback(new URL(issuer)));
}

/** Plain http is for a provider on this very machine, in tests. */
export function isLoopback(url: URL): boolean {
  return url.protocol === 'http:' && /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}

function refused(why: string, cause?: unknown): HpcbinderError {
  const message = `the answer of the sign-in service was refused: ${why}`;
  return new HpcbinderError('E-SIGN-IN', { message, hint: 'Sign in again; if it stays so, tell the admins.', cause });
}

/** What openid-client and fetch throw. What came in the address of the callback is never repeated: anybody can write it. */
function explained(error: unknown, client: typeof import('openid-client')): HpcbinderError {
  if (error instanceof HpcbinderError) return error;
  if (error instanceof client.AuthorizationResponseError) {
    const denied = error.error === 'access_denied';
    return refused(denied ? 'it let nobody in' : 'it could not sign anybody in', error);
  }
  if (error instanceof client.ResponseBodyError && error.status < 500) {
    // RFC 6749 section 5.2
    const stale = error.error === 'invalid_grant';
    return refused(stale ? 'its code was used already or is too old' : 'it does not accept this endpoint', error);
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('OAUTH_') && !['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_CONFORM'].includes(code))
    return refused('it does not fit what was asked', error);
  return new HpcbinderError('E-SIGN-IN', {
    message: 'the sign-in service does not answer',
    hint: 'Try again in a minute. Sessions that run are not touched by this.',
    transient: true,
    cause: error,
  });
}
