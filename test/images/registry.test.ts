import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseImageName, registryDigest } from '../../images/registry.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
let server: Server | undefined;

/** A named fake of a registry: the challenge, the token and the manifest's HEAD, as the distribution specification has them. */
async function fakeRegistry(digest: string): Promise<{ origin: string; asked: string[] }> {
  const asked: string[] = [];
  server = createServer((req: IncomingMessage, res) => {
    asked.push(`${req.method} ${req.url}`);
    const origin = `http://${req.headers.host}`;
    if (req.url?.startsWith('/token')) return res.end(JSON.stringify({ token: 'anonymous' }));
    if (req.headers.authorization !== 'Bearer anonymous') {
      return res.writeHead(401, { 'www-authenticate': `Bearer realm="${origin}/token",service="fake"` }).end();
    }
    return res.writeHead(200, { 'docker-content-digest': digest }).end();
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe('the digest of a tag without an engine', () => {
  it('is asked with the token that the registry’s challenge names', async () => {
    const { origin, asked } = await fakeRegistry(DIGEST);
    expect(await registryDigest('docker.io/library/python:3.13-slim', { origin: () => origin })).toBe(DIGEST);
    expect(asked).toEqual([
      'HEAD /v2/library/python/manifests/3.13-slim',
      'GET /token?service=fake&scope=repository%3Alibrary%2Fpython%3Apull',
      'HEAD /v2/library/python/manifests/3.13-slim',
    ]);
  });

  it('is not what is no digest', async () => {
    const { origin } = await fakeRegistry('sha256:../../etc');
    expect(await registryDigest('docker.io/library/python:3.13-slim', { origin: () => origin })).toBeUndefined();
  });

  it('is unknown where nobody answers', async () => {
    expect(await registryDigest('docker.io/library/python', { origin: () => 'http://127.0.0.1:9' })).toBeUndefined();
  });

  it.each([
    ['docker.io/library/python:3.13', { registry: 'docker.io', repository: 'library/python', tag: '3.13' }],
    ['quay.io/org/image', { registry: 'quay.io', repository: 'org/image', tag: 'latest' }],
    ['registry.example.org:5000/a/b:c', { registry: 'registry.example.org:5000', repository: 'a/b', tag: 'c' }],
    ['python', undefined],
    ['docker.io/../etc', undefined],
    ['docker.io/a:b c', undefined],
  ])('%s is read', (name, expected) => {
    expect(parseImageName(name)).toEqual(expected);
  });
});
