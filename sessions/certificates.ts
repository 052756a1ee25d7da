/** One CA per session, with one certificate for the agent and one for the client; the CA's key is thrown away (DESIGN 6). */
import { webcrypto } from 'node:crypto';
import type { X509Certificate } from '@peculiar/x509';

export type PemPair = { cert: string; key: string };
/** All PEM. */
export type SessionCertificates = { ca: string; server: PemPair; client: PemPair };

const DAY_MS = 86_400_000;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** What the agent's certificate says it is; the client asks for exactly this. */
export function agentName(session: string): string {
  return `${session}.agent`;
}

/** Valid from a day back, for clocks differ, until `seconds` from now: the wait in the queue and the walltime. */
export async function makeCertificates(session: string, seconds: number): Promise<SessionCertificates> {
  const x509 = await loadX509();
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const keys = () => webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const span = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + seconds * 1000) };
  const caKeys = await keys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...span,
    serialNumber: serial(),
    name: `CN=${session}`,
    signingAlgorithm: CURVE,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const leaf = async (name: string, usage: string): Promise<PemPair> => {
    const own = await keys();
    const cert: X509Certificate = await x509.X509CertificateGenerator.create({
      ...span,
      serialNumber: serial(),
      subject: `CN=${name}`,
      issuer: ca.subject,
      signingAlgorithm: CURVE,
      publicKey: own.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], true),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      ],
    });
    return { cert: cert.toString('pem'), key: await privatePem(own.privateKey) };
  };
  return {
    ca: ca.toString('pem'),
    server: await leaf(agentName(session), SERVER_AUTH),
    client: await leaf(`${session}.client`, CLIENT_AUTH),
  };
}

/** The polyfill comes first. Both cost 0.45 s: only for launches, who call this while they wait for the cluster. */
export async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** 16 bytes hex whose first bit is 0: a positive number. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const body = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${body}-----END PRIVATE KEY-----\n`;
}
