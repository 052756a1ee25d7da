/** Sites with an inspecting proxy: the certificates that this host trusts beyond the public ones go into the image. */
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';

const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];
const VARIABLES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'PIP_CERT'];
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** What is in `bundle` and not in `known`, compared by content; PEM, in the bundle's order, each once. */
export function certificatesBeyond(bundle: string, known: readonly string[]): string[] {
  const bare = (pem: string) => pem.replace(/\s/g, '');
  const seen = new Set(known.map(bare));
  return (bundle.match(CERTIFICATE) ?? []).filter((pem) => {
    const key = bare(pem);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The host's own certificates as PEM texts; none on a host with the public ones only. */
export async function siteCertificates(env: NodeJS.ProcessEnv): Promise<string[]> {
  const paths = new Set([...BUNDLES, ...VARIABLES.flatMap((name) => env[name] ?? [])]);
  const texts = await Promise.all([...paths].map((path) => readFile(path, 'utf8').catch(() => '')));
  return certificatesBeyond(texts.join('\n'), rootCertificates);
}
