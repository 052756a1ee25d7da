/** Images that would fill memory or disk of whoever converts them: each ends early, and the error names the limit. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { MAX_ENTRIES, MAX_NAMES_BYTES, RootFilter } from '../../converters/rootfs.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { TAR_END, tarFile, tarHeader } from '../../core/tar.ts';
import { Conversions, entry, USER } from './conversion.ts';

const world = new Conversions();
afterAll(() => world.remove());

describe('a bomb (TAR-07) ends early, with the limit named', () => {
  /** Bytes by which this process grew at most; its own floor is taken first. */
  async function refusedWithin(
    root: () => Iterable<Uint8Array>,
  ): Promise<{ said: string; grown: number; seconds: number }> {
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    const began = performance.now();
    try {
      await world.convert(USER, root);
      return { said: 'converted', grown: most - before, seconds: (performance.now() - began) / 1000 };
    } catch (error) {
      expect(error).toBeInstanceOf(HpcbinderError);
      const said = error instanceof Error ? error.message : '';
      return { said, grown: most - before, seconds: (performance.now() - began) / 1000 };
    } finally {
      clearInterval(watch);
    }
  }

  it('of a file that claims 8 EiB', async () => {
    const claim = Buffer.from(tarHeader(entry({ name: 'big' })));
    claim.fill(0xff, 125, 136).fill(0x80, 124, 125).fill(' ', 148, 156);
    const sum = claim.reduce((total, byte) => total + byte, 0);
    claim.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect((await refusedWithin(() => [claim, TAR_END])).said).toMatch(/a number is too large/);
  });

  it('of a file of 300 GB that is sent, without it being kept', async () => {
    const { said } = await refusedWithin(function* () {
      yield tarHeader(entry({ name: 'zeros', size: 300e9 }));
      throw new HpcbinderError('E-CONVERT', { message: 'it was read on' });
    });
    expect(said).toMatch(/more than 200 GB/);
  });

  it('of names', async () => {
    const long = `${'d'.repeat(255)}/`.repeat(15);
    const { said, grown, seconds } = await refusedWithin(function* () {
      for (let i = 0; i < 1e6; i++) yield tarHeader(entry({ name: `${long}${i >> 8}/${i}` }));
    });
    expect(said).toContain(`longer than ${MAX_NAMES_BYTES / 1e6} MB together`);
    expect(grown).toBeLessThan(512e6);
    expect(seconds).toBeLessThan(60);
  });

  it('of files that are left out and could still be named', async () => {
    const body = 'x'.repeat(1 << 20);
    const { said, grown } = await refusedWithin(function* () {
      for (let i = 0; i < 600; i++) yield tarFile(`.singularity.d/${i}`, 0o644, body, 0);
      yield tarHeader(entry({ name: 'kept', kind: 'hardlink', link: '.singularity.d/599' }));
      yield TAR_END;
    });
    expect(said).toMatch(/needs a file that is left out/);
    expect(grown).toBeLessThan(200e6);
  });

  it('of entries', () => {
    const filter = new RootFilter();
    const fill = () => {
      for (let i = 0; i <= MAX_ENTRIES; i++) filter.take(entry({ name: `f${i}` }));
    };
    expect(fill).toThrow(`more than ${MAX_ENTRIES} entries`);
  });
});
