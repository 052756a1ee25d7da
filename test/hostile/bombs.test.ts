/** Images that would fill memory or disk of whoever converts them: each ends early, and the error names the limit. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { ROOT_LIMITS, RootFilter, type RootLimits } from '../../converters/rootfs.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { TAR_END, tarHeader } from '../../core/tar.ts';
import { Conversions, entry, USER } from './conversion.ts';

const world = new Conversions();
afterAll(() => world.remove());

describe('a bomb (TAR-07) ends early, with the limit named', () => {
  /** Bytes by which this process grew at most; its own floor is taken first. */
  async function refusedWithin(
    root: () => Iterable<Uint8Array>,
    limits?: RootLimits,
  ): Promise<{ said: string; grown: number; seconds: number }> {
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    const began = performance.now();
    try {
      await world.convert(USER, root, {}, limits ? { limits } : {});
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
    expect(ROOT_LIMITS.namesBytes).toBeLessThanOrEqual(128e6);
    // an eighth of it, in an eighth of the time
    const limits = { ...ROOT_LIMITS, namesBytes: 16e6 };
    const { said, grown, seconds } = await refusedWithin(function* () {
      for (let i = 0; i < 1e6; i++) yield tarHeader(entry({ name: `${long}${i >> 8}/${i}` }));
    }, limits);
    expect(said).toContain('longer than 16 MB together');
    expect(grown).toBeLessThan(256e6);
    expect(seconds).toBeLessThan(8);
  });

  it('of files that are left out and could still be named', async () => {
    const body = Buffer.alloc(1 << 20, 'x');
    const { said, grown } = await refusedWithin(function* () {
      for (let i = 0; i < 600; i++) {
        yield tarHeader(entry({ name: `.singularity.d/${i}`, size: body.length }));
        yield body;
      }
      yield tarHeader(entry({ name: 'kept', kind: 'hardlink', link: '.singularity.d/599' }));
      yield TAR_END;
    });
    expect(said).toMatch(/needs a file that is left out/);
    expect(grown).toBeLessThan(200e6);
  });

  it('of entries', () => {
    expect(ROOT_LIMITS.entries).toBeLessThanOrEqual(1_000_000);
    // the filter is the same for any limit: a million entries take seconds
    const filter = new RootFilter({ ...ROOT_LIMITS, entries: 10_000 });
    const fill = (from: number, to: number) => {
      for (let i = from; i < to; i++) filter.take(entry({ name: `f${i}` }));
    };
    fill(0, 10_000);
    expect(() => fill(10_000, 10_001)).toThrow('more than 10000 entries');
  });
});
