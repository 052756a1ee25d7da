import { describe, expect, it } from '@jest/globals';
import { certificatesBeyond } from '../../devcluster/trust.ts';

const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;

describe('the certificates of a site', () => {
  it('are those of its bundle that the public roots do not have', () => {
    const bundle = `# a comment\n${pem('PUBLIC')}\n${pem('SITE')}\n`;
    expect(certificatesBeyond(bundle, [pem('PUBLIC')])).toEqual([pem('SITE')]);
  });

  it('are recognised whatever the line breaks', () => {
    expect(certificatesBeyond(pem('AB\nCD').replaceAll('\n', '\r\n'), [pem('ABCD')])).toEqual([]);
  });

  it('are named once, though two bundles have them', () => {
    expect(certificatesBeyond(`${pem('SITE')}\n${pem('SITE')}`, [])).toHaveLength(1);
  });

  it('are none where a bundle holds no certificate', () => {
    expect(certificatesBeyond('-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----', [])).toEqual([]);
  });
});
