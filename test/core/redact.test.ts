import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HIDDEN, redact, secretVariables } from '../../core/redact.ts';

const alphabet = (letters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...letters), minLength, maxLength });
const WORD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const pem = (body: string, kind = 'PRIVATE KEY') =>
  `-----BEGIN ${kind}-----\n${(body.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${kind}-----\n`;
const around = fc.string({ maxLength: 60 });

describe('secrets that are known', () => {
  it('leaves a version of a package that is called like our cookie', () => {
    expect(redact('requirements.txt asks for plugin-of-hpcbinder==1.0')).toContain('hpcbinder==1.0');
    expect(redact(`Cookie: hpcbinder=${'A'.repeat(43)}`)).not.toContain('AAAA');
  });

  it('are absent wherever they stand, also as JSON, URLs and base64 write them', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), around, around, (secret, before, after) => {
        const written = [
          secret,
          JSON.stringify({ secret }),
          `https://h/?x=${encodeURIComponent(secret)}`,
          Buffer.from(secret).toString('base64'),
        ];
        for (const each of written) {
          const left = redact(`${before} ${each} ${after}`, [secret]);
          // what surrounds it may hold it by chance
          if (!before.includes(secret) && !after.includes(secret)) expect(left).not.toContain(secret);
        }
      }),
    );
  });

  it('are absent line by line where a key has several', () => {
    fc.assert(
      fc.property(alphabet(BASE64, 130, 300), (body) => {
        const key = pem(body);
        for (const line of key.split('\n').filter((one) => one.length >= 32 && !one.startsWith('-')))
          expect(redact(`debug: ${line} read`, [key])).not.toContain(line);
      }),
    );
  });

  it('leave words alone that are shorter than any secret', () => {
    expect(redact('the app is lab', ['lab'])).toBe('the app is lab');
  });

  it('are found among the variables by their names', () => {
    expect(
      secretVariables({
        GITHUB_TOKEN: 'one',
        PIP_PASSWORD: 'two',
        PWD: '/home/alice',
        GIT_AUTHOR_NAME: 'Alice',
        TOKEN_FILE: '/run/token',
      }),
    ).toEqual(['one', 'two']);
  });
});

describe('secrets that nobody knows', () => {
  const token = alphabet(WORD, 12, 80);
  const shapes: readonly [string, (secret: string) => string][] = [
    ['a header of authorization', (s) => `Authorization: Bearer ${s}`],
    ['a bearer in a sentence', (s) => `sent Bearer ${s} to the server`],
    ['basic authorization', (s) => `authorization: Basic ${Buffer.from(`u:${s}`).toString('base64')}`],
    ['a cookie', (s) => `Cookie: theme=dark; _xsrf=${s}; other=${s}`],
    ['a cookie that is set', (s) => `set-cookie: username-x="${s}"; Path=/`],
    ['a word of JSON', (s) => `{"appToken":"${s}","id":1}`],
    ['a word of JSON in JSON', (s) => JSON.stringify({ text: JSON.stringify({ api_key: s }) })],
    ['a flag', (s) => `jupyter lab --IdentityProvider.token=${s}`],
    ['a setting', (s) => `password: ${s}`],
    ['a quoted setting', (s) => `client_secret = '${s}'`],
    ['a query', (s) => `GET /lab?token=${s}&reset HTTP/1.1`],
    ['the code of a link', (s) => `http://hb-k3f9q2x7ma.localhost:41873/?c=${s}`],
    ['the user information of a URL', (s) => `https://alice:${s}@git.example.org/org/repo.git`],
    ['a token as the user of a URL', (s) => `fatal: could not read from https://${s}@git.example.org/x`],
    ['a proxy', (s) => `proxy=socks5://alice:${s}@proxy.example.org:1080`],
    ['a JSON web token', (s) => `got eyJhbGciOi.eyJzdWIiOi${s}.${s}`],
    ['a token of GitHub', (s) => `ghp_${s.replaceAll('-', 'x')}abcdefghijkl`],
  ];

  it.each(shapes)('%s is hidden', (_, written) => {
    fc.assert(
      fc.property(token, around, (secret, before) => {
        const text = `${before.replaceAll(/["'<>\\]/g, '')}\n${written(secret)}\nafter`;
        expect(redact(text)).not.toContain(secret);
        expect(redact(text)).toMatch(/after$/);
      }),
    );
  });

  it.each(['PRIVATE KEY', 'RSA PRIVATE KEY', 'OPENSSH PRIVATE KEY', 'CERTIFICATE', 'EC PRIVATE KEY'])(
    'a block of PEM is hidden whole: %s',
    (kind) => {
      fc.assert(
        fc.property(alphabet(BASE64, 70, 400), (body) => {
          const block = pem(body, kind);
          const lines = block.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
          const cut = block.slice(block.indexOf('\n') + 1);
          for (const text of [block, JSON.stringify({ key: block }), cut, block.slice(0, -20)])
            for (const line of lines.filter((one) => one.length > 20)) expect(redact(`a\n${text}`)).not.toContain(line);
        }),
      );
    },
  );

  it('32 random bytes are hidden, as hexadecimal and as base64url; digests and fingerprints stay', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (data) => {
        const hex = Buffer.from(data).toString('hex');
        const code = Buffer.from(data).toString('base64url');
        expect(redact(`key ${hex} end`)).toBe(`key ${HIDDEN} end`);
        if (/[A-Z]/.test(code) && /[a-z]/.test(code) && /[0-9]/.test(code) && !code.startsWith('-'))
          expect(redact(`code ${code} end`)).toBe(`code ${HIDDEN} end`);
        expect(redact(`sha256:${hex}`)).toBe(`sha256:${hex}`);
        expect(redact(`"sha256": "${hex}"`)).toBe(`"sha256": "${hex}"`);
        expect(redact(`ED25519 SHA256:${code}`)).toBe(`ED25519 SHA256:${code}`);
      }),
    );
  });

  it('what tells of the fault stays', () => {
    const plain = [
      'requirements.txt:4 asks for nunpy==1.26, which the package index does not have',
      'ssh://git@git.example.org/org/repo.git @ 4f1c2ab0000000000000000000000000000000ab',
      'ERROR: No matching distribution found for nunpy==1.26',
      'alice@login.hpc.example.edu refused the login; the server takes publickey',
      'image /scratch/alice/hpcbinder/images/9438a2b5133bca8f61a0b1c2d3e4f506.sif',
      'http://hb-k3f9q2x7ma.localhost:41873/lab/tree/analysis.ipynb',
      'docker.io/library/python:3.13-slim-trixie',
      'login.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL56RbtEknUn6dsoLZok1JDvEvbyXfSA55KH2XeW2tFE',
      'code    E-SSH-AUTH (docs/errors.md)',
    ].join('\n');
    expect(redact(plain)).toBe(plain);
  });

  it('once is enough', () => {
    fc.assert(
      fc.property(fc.constantFrom(...shapes), token, around, ([, written], secret, before) => {
        const once = redact(`${before} ${written(secret)}`);
        expect(redact(once)).toBe(once);
      }),
    );
  });

  it('does not take long over text that only looks like one', () => {
    for (const text of [
      'A'.repeat(300_000),
      '-----BEGIN '.repeat(30_000),
      `${'a'.repeat(64)}\n`.repeat(4_000),
      'token'.repeat(50_000),
      'https://'.repeat(40_000),
    ]) {
      const began = Date.now();
      redact(text);
      expect(Date.now() - began).toBeLessThan(3_000);
    }
  });
});
