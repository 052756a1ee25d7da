/** A fake OpenID provider that signs whatever it is told to say: for what no honest one would send. */
import { generateKeyPairSync, sign } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { close, listen } from './rig.ts';

type Claims = Record<string, unknown>;
export type Lie = {
  /** over what is honest; undefined takes a claim out */
  claims?: Claims;
  header?: Claims;
  /** signs with a key that is not among its published ones */
  foreignKey?: boolean;
  unsigned?: boolean;
  userinfo?: Claims;
  /** answers the token request so, without a token */
  status?: number;
  /** hangs up on every request */
  down?: boolean;
};

const KEYS = generateKeyPairSync('rsa', { modulusLength: 2048 });
const FOREIGN = generateKeyPairSync('rsa', { modulusLength: 2048 });

export async function lyingProvider() {
  const told: { lie: Lie; nonce: string; tokenRequests: number } = { lie: {}, nonce: '', tokenRequests: 0 };
  const server = await listen((req, res) => {
    const url = new URL(req.url ?? '', issuer);
    const json = (value: unknown, status = 200) => {
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    };
    if (told.lie.down) res.destroy();
    else if (url.pathname === '/.well-known/openid-configuration') {
      const at = (path: string) => `${issuer}${path}`;
      json({
        issuer,
        authorization_endpoint: at('/auth'),
        token_endpoint: at('/token'),
        userinfo_endpoint: at('/userinfo'),
        jwks_uri: at('/jwks'),
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    } else if (url.pathname === '/jwks') {
      json({ keys: [{ ...KEYS.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256', use: 'sig' }] });
    } else if (url.pathname === '/auth') {
      told.nonce = url.searchParams.get('nonce') ?? '';
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', 'a-code');
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      res.writeHead(302, { Location: back.href }).end();
    } else if (url.pathname === '/token') {
      told.tokenRequests += 1;
      const { lie } = told;
      if (lie.status !== undefined) json({ error: 'server_error' }, lie.status);
      else json({ access_token: 'at', token_type: 'Bearer', expires_in: 60, id_token: idToken(lie) });
    } else if (url.pathname === '/userinfo') {
      json({ sub: 'alice', ...told.lie.userinfo });
    } else {
      json({}, 404);
    }
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function idToken(lie: Lie): string {
    const now = Math.floor(Date.now() / 1000);
    const honest = {
      iss: issuer,
      aud: 'hpcbinder',
      sub: 'alice',
      iat: now,
      exp: now + 60,
      nonce: told.nonce,
      preferred_username: 'alice@campus',
    };
    const part = (value: Claims) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const said = `${part({ alg: 'RS256', kid: '1', ...lie.header })}.${part({ ...honest, ...lie.claims })}`;
    if (lie.unsigned) return `${said}.`;
    const { privateKey } = lie.foreignKey ? FOREIGN : KEYS;
    return `${said}.${sign('sha256', Buffer.from(said), privateKey).toString('base64url')}`;
  }

  return { issuer, told, close: () => close(server) };
}
