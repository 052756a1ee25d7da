import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anonymous, contents, type Part, reportText } from '../../cli/report.ts';
import type { SessionRecord } from '../../sessions/records.ts';
import { session } from '../sessions/example.ts';

const random = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'ABCDEFGHIJabcdefghij0123456789+/'), minLength: length, maxLength: length });
const pem = (kind: string) =>
  random(200).map(
    (body) => `-----BEGIN ${kind}-----\n${(body.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${kind}-----\n`,
  );
/** What a session knows. */
const secrets: fc.Arbitrary<SessionRecord['secrets']> = fc.record({
  ca: pem('CERTIFICATE'),
  clientCert: pem('CERTIFICATE'),
  clientKey: pem('PRIVATE KEY'),
  appToken: random(64),
  cookieKey: random(64),
});
const TITLES = ['story', 'record', 'failures', 'configuration', 'cluster', 'job.log', 'app.log'];
const none = { secrets: [], names: new Map<string, string>() };

describe('a bug report', () => {
  it('holds no secret of the session, planted in every part, in every way of writing', () => {
    fc.assert(
      fc.property(secrets, fc.string(), (known, around) => {
        const values = Object.values(known);
        const lines = values
          .flatMap((value) => value.trim().split('\n'))
          .filter((line) => line.length > 30 && !/^-----/.test(line));
        const parts: Part[] = TITLES.map((title) => ({
          title,
          text: [
            around,
            ...values,
            JSON.stringify({ ...session, secrets: known }),
            ...values.map((v) => `?x=${encodeURIComponent(v)}`),
            ...lines.map((line) => `> ${line} <`),
          ].join('\n'),
        }));
        const text = reportText(parts, { secrets: values, names: new Map() });
        for (const line of lines) expect(text).not.toContain(line);
      }),
      { numRuns: 30 },
    );
  });

  it('holds none that colours or carriage returns cut in two', () => {
    const token = 'abcdefghijKLMNOP0123456789';
    const text = `${token.slice(0, 9)}\u001b[31m${token.slice(9)}\n`;
    expect(reportText([{ title: 'app.log', text }], { ...none, secrets: [token] })).not.toContain(token);
  });

  it('says of what is not there why', () => {
    expect(reportText([{ title: 'session record', text: undefined, why: 'it did not become one' }], none)).toContain(
      '(it did not become one)',
    );
    expect(
      contents([
        { title: 'a', text: 'xx' },
        { title: 'b', text: undefined },
      ]),
    ).toEqual(['a, 2 B', 'b: none']);
  });

  it('has the end of what is long', () => {
    const text = Array.from({ length: 300_000 }, (_, n) => `line ${n}`).join('\n');
    const report = reportText([{ title: 'app.log', text }], none);
    expect(report.length).toBeLessThan(210_000);
    expect(report).toMatch(/^\(the older part is left out\)\nline \d+$/m);
    expect(report).toContain('line 299999\n');
  });

  it('names nobody where that is asked for', () => {
    const names = new Map([
      ['/home/alice', '~'],
      ['alice', 'USER'],
      ['login.hpc.example.edu', 'HOST1'],
      ['hpc', 'CLUSTER1'],
    ]);
    expect(anonymous('alice@login.hpc.example.edu:/home/alice/x of hpc, malice', names)).toBe(
      'USER@HOST1:~/x of CLUSTER1, malice',
    );
  });
});
