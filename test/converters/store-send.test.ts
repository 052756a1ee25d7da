import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ImageStore } from '../../converters/store.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import type { Link, Transport } from '../../core/transport.ts';
import { Watched } from '../../transports/watch.ts';
import { storeRig } from './store-rig.ts';

const NOTHING = new Uint8Array();
const KEY = 'b'.repeat(32);
const data = randomBytes(1_000_000);
const { root, sif, receipt, transport } = await storeRig(KEY, data);

/** A fake line over the real local transport: each upload breaks after 400 kB, until `lives` are used up. */
class Breaking {
  readonly link = new Watched<Link>('up');
  resumed: number[] = [];
  readonly transport: Transport;

  constructor(directory: string, lives: number, after: (link: Watched<Link>) => void) {
    const write: Transport['write'] = async (path, source, how) => {
      if (path.endsWith('.json')) return transport.write(path, source, how);
      this.resumed.push(how.resumeAt ?? 0);
      if (this.resumed.length > lives) return transport.write(path, source, how);
      await source[Symbol.asyncIterator]().next();
      const there = (how.resumeAt ?? 0) + 400_000;
      writeFileSync(join(directory, `${KEY}.sif.partial`), data.subarray(0, there), { mode: 0o600 });
      this.link.set('reconnecting');
      after(this.link);
      throw new HpcbinderError('E-SSH-LOST', { message: 'the connection broke', transient: true });
    };
    const run: Transport['run'] = async (command, signal) => {
      if (this.link.value === 'up') return transport.run(command, signal);
      return { ended: { kind: 'lost', cause: 'no line' }, stdout: NOTHING, stderr: NOTHING, truncated: false };
    };
    this.transport = { ...transport, name: 'a fake line', link: this.link, run, write };
  }
}

let directory: string;
let told: Progress[];
let count = 0;
beforeEach(() => {
  directory = join(root, `store-${++count}`);
  told = [];
});

const put = (line: Breaking, limit: number, signal?: AbortSignal) =>
  new ImageStore(line.transport, directory, 'python3').put(sif, receipt, {
    tookOver: false,
    tell: (event) => told.push(event),
    patience: { limit, first: 10 },
    ...(signal ? { signal } : {}),
  });

describe('an upload over a line that breaks', () => {
  it('goes on from what arrived when the line is back, each time, and the image is whole', async () => {
    const line = new Breaking(directory, 2, (link) => setTimeout(() => link.set('up'), 50));
    await put(line, 20_000);
    expect(line.resumed).toEqual([0, 400_000, 800_000]);
    expect(readFileSync(join(directory, `${KEY}.sif`)).equals(data)).toBe(true);
    expect(told).toEqual([
      {
        type: 'warning',
        text: expect.stringMatching(/^the connection to a fake line broke at .* waiting for it, 20 s/),
      },
      { type: 'note', text: 'connected again: 400 kB had arrived, the rest follows' },
      { type: 'warning', text: expect.stringMatching(/broke at .* of 1.0 MB/) },
      { type: 'note', text: 'connected again: 800 kB had arrived, the rest follows' },
    ]);
  });

  it('is given up after the limit: it may be tried again, and what is kept is said', async () => {
    const line = new Breaking(directory, 99, () => {});
    await expect(put(line, 200)).rejects.toMatchObject({
      code: 'E-SSH-LOST',
      transient: true,
      message: expect.stringMatching(/broke while the image was sent, and was not back within/),
      hint: expect.stringMatching(
        /^What arrived \(up to .* of 1.0 MB\) is kept there: launch again, and only the rest/,
      ),
    });
    expect(existsSync(join(directory, `${KEY}.sif.partial`))).toBe(true);
    expect(existsSync(join(directory, `${KEY}.sif`))).toBe(false);
  });

  it('has one limit for all breaks together: a line that breaks for ever ends it too', async () => {
    const line = new Breaking(directory, 99, (link) => setTimeout(() => link.set('up'), 5));
    const began = Date.now();
    await expect(put(line, 300)).rejects.toMatchObject({ code: 'E-SSH-LOST' });
    expect(line.resumed.length).toBeGreaterThan(1);
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  it('is given up at once where a person would have to log in', async () => {
    const line = new Breaking(directory, 99, (link) => link.set('down'));
    await expect(put(line, 60_000)).rejects.toMatchObject({
      message: expect.stringMatching(/it does not come back by itself/),
    });
    expect(told).toEqual([]);
  });

  it('waits no longer when it is cancelled', async () => {
    const cancel = new AbortController();
    const line = new Breaking(directory, 99, () => setTimeout(() => cancel.abort(new Error('enough')), 30));
    await expect(put(line, 60_000, cancel.signal)).rejects.toThrow('enough');
  });
});
