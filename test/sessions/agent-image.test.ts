/** The agent's own look at a stored image: real agent, real files, a fake container command. */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readEnd } from '../../sessions/records.ts';
import { type Changes, eventually, sessionDirectory, startJob } from './agent-rig.ts';

const KEY = 'a'.repeat(32);

function sealOf(path: string): string {
  const info = statSync(path, { bigint: true });
  const time = (ns: bigint) => `${ns / 10n ** 9n}.${String(ns % 10n ** 9n).padStart(9, '0')}`;
  return `${info.size} ${info.ino} ${time(info.mtimeNs)} ${time(info.ctimeNs)}`;
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');

/** A session whose image lies in a store; `meddle` comes after the image was stored and sealed. */
async function job(
  meddle: (sif: string) => void,
  changes: Changes = {},
  during: (dir: string, sif: string) => Promise<void> = async () => {},
) {
  const dir = await sessionDirectory(changes);
  const sif = join(dir, 'store', `${KEY}.sif`);
  mkdirSync(join(dir, 'store'), { mode: 0o700 });
  renameSync(join(dir, 'image.sif'), sif);
  chmodSync(sif, 0o600);
  appendFileSync(sif, Buffer.alloc(4096, 7));
  const data = readFileSync(sif);
  const parameters = JSON.parse(readFileSync(join(dir, 'job.json'), 'utf8'));
  const facts = { sif, bytes: data.length, sha256: sha256(data), seal: `${sha256(data)} ${sealOf(sif)}` };
  Object.assign(parameters.container, facts);
  writeFileSync(join(dir, 'job.json'), JSON.stringify(parameters), { mode: 0o600 });
  meddle(sif);
  const running = startJob(dir, changes);
  const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()));
  try {
    await during(dir, sif);
    const log = () => (existsSync(join(dir, 'agent.log')) ? readFileSync(join(dir, 'agent.log'), 'utf8') : '');
    await eventually(() => existsSync(join(dir, 'end.json')) || existsSync(join(dir, 'address.json')));
    const end = readEnd(existsSync(join(dir, 'end.json')) ? readFileSync(join(dir, 'end.json'), 'utf8') : undefined);
    return { end, log: log(), ready: existsSync(join(dir, 'address.json')) };
  } finally {
    running.kill('SIGTERM');
    await exited;
    rmSync(dir, { recursive: true, force: true });
  }
}

const overwrite = (sif: string) => {
  const { atime, mtime, size } = statSync(sif);
  const data = readFileSync(sif);
  data.fill(9, size - 2048);
  writeFileSync(sif, data);
  utimesSync(sif, atime, mtime);
};

describe('a stored image, on the node', () => {
  it('SIF-02: that is as it was sealed starts without being read again', async () => {
    const { ready, log } = await job(() => {});
    expect(ready).toBe(true);
    expect(log).not.toContain('read again');
  });

  it('SIF-01: with other bytes of the same size and the old mtime is noticed, and nothing starts', async () => {
    const { end, ready } = await job(overwrite);
    expect(ready).toBe(false);
    expect(end).toMatchObject({ why: 'failed' });
    expect(end?.detail).toMatch(/^the image \/.*\.sif is damaged: its sha256 is [0-9a-f]{12} instead of [0-9a-f]{12}$/);
  });

  it('SIF-01: that is shorter than it was is named with both sizes', async () => {
    const { end } = await job((sif) => writeFileSync(sif, readFileSync(sif).subarray(0, 100)));
    expect(end?.detail).toContain('is damaged: 100 bytes instead of 4160');
  });

  it('that was only copied is read again, and starts', async () => {
    const { ready, log } = await job((sif) => {
      writeFileSync(`${sif}.copy`, readFileSync(sif), { mode: 0o600 });
      renameSync(`${sif}.copy`, sif);
    });
    expect(ready).toBe(true);
    expect(log).toContain('the image is read again');
  });

  it('that a rebuild replaced starts, for its own receipt speaks for it', async () => {
    const { ready } = await job((sif) => {
      overwrite(sif);
      const data = readFileSync(sif);
      const receipt = { schema: 1, key: KEY, bytes: data.length, sha256: sha256(data) };
      writeFileSync(sif.replace(/\.sif$/, '.json'), JSON.stringify(receipt), { mode: 0o600 });
      writeFileSync(sif.replace(/\.sif$/, '.seal'), `${sha256(data)} ${sealOf(sif)}\n`, { mode: 0o600 });
    });
    expect(ready).toBe(true);
  });

  it('SIF-02: is not trusted where others may write to it or beside it', async () => {
    const file = await job((sif) => chmodSync(sif, 0o666));
    expect(file.end?.detail).toMatch(/is not trusted: others may write to \/.*\.sif$/);
    const place = await job((sif) => chmodSync(join(sif, '..'), 0o777));
    expect(place.end?.detail).toMatch(/is not trusted: others may write to \/.*\/store$/);
  });

  it('SIF-02: that is swapped while the app starts ends the session before anybody is let in', async () => {
    const slow = { app: { delay: 3 } };
    const { end, ready } = await job(
      () => {},
      slow,
      async (dir, sif) => {
        await eventually(() => existsSync(join(dir, 'lock', 'app.json')));
        overwrite(sif);
      },
    );
    expect(ready).toBe(false);
    expect(end?.detail).toMatch(/is damaged: its sha256 .*; that happened while the app started$/);
  });
});
