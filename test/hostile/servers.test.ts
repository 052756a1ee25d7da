/** Git servers that never end, or that speak to the terminal of whoever asks them. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { HpcbinderError } from '../../core/errors.ts';
import { hasControls } from '../../core/text.ts';
import { checkout } from '../../repos/checkout.ts';
import { parseRepo } from '../../repos/parse.ts';
import { resolveRepo } from '../../repos/resolve.ts';
import { COMMIT, FLUSH, hostileGit, line } from './git-servers.ts';

const top = mkdtempSync(join(tmpdir(), 'hb-hostile-servers-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
const access = { allowHttp: true };
let counter = 0;
const fresh = () => join(top, `checkout-${counter++}`);

describe('a server without end (GIT-13)', () => {
  const limits = { fetchMs: 3_000 };
  const repo = async (url: string) => resolveRepo(parseRepo(`${url}/o/r`, { allowHttp: true }), access);

  it('that claims 10^9 objects and drips a byte a second is left at the deadline, and nothing stays', async () => {
    const drip = await hostileGit({
      upload(response) {
        response.write(line('NAK\n'));
        const pack = Buffer.alloc(12);
        pack.write('PACK');
        pack.writeUInt32BE(2, 4);
        pack.writeUInt32BE(1_000_000_000, 8);
        response.write(line(Buffer.concat([Buffer.from([1]), pack])));
        const timer = setInterval(() => response.write(line(Buffer.from([1, 0x30]))), 1000);
        response.on('close', () => clearInterval(timer));
      },
    });
    const dir = fresh();
    await expect(checkout(await repo(drip.url), dir, { ...access, limits })).rejects.toMatchObject({
      code: 'E-REPO-FETCH',
      message: expect.stringMatching(/did not finish within 3 s|could not fetch/),
    });
    expect(existsSync(dir)).toBe(false);
    await drip.close();
  });

  it('that sends zeros without end is left at the limit of bytes or at once', async () => {
    const flood = await hostileGit({
      upload(response) {
        response.write(line('NAK\n'));
        const zeros = line(Buffer.concat([Buffer.from([1]), Buffer.alloc(60_000)]));
        const send = () => {
          while (!response.destroyed && response.write(zeros));
        };
        response.on('drain', send);
        send();
      },
    });
    const dir = fresh();
    await expect(checkout(await repo(flood.url), dir, { ...access, limits })).rejects.toMatchObject({
      code: 'E-REPO-FETCH',
    });
    expect(existsSync(dir)).toBe(false);
    await flood.close();
  });

  it('with 20,000 branches is asked for one, and its words are not shown as they came (GIT-12)', async () => {
    function* refs() {
      for (let i = 0; i < 20_000; i++) yield `refs/heads/b${i}`;
    }
    const many = await hostileGit({
      refs,
      upload(response) {
        response.write(line(Buffer.concat([Buffer.from([3]), Buffer.from('\u001b[2J\u001b]0;owned\u0007no\u202e')])));
        response.end(FLUSH);
      },
    });
    const found = await repo(many.url);
    expect(found).toMatchObject({ commit: COMMIT });
    const failed = await checkout(found, fresh(), { ...access, limits }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(HpcbinderError);
    const { message, evidence, hint } = failed as HpcbinderError;
    for (const text of [message, hint ?? '', ...evidence]) expect(hasControls(text.replaceAll('\n', ''))).toBe(false);
    const missing = resolveRepo(parseRepo(`${many.url}/o/r`, { allowHttp: true, ref: 'b1x' }), access);
    await expect(missing).rejects.toMatchObject({ code: 'E-REF-MISSING' });
    await many.close();
  });
});
