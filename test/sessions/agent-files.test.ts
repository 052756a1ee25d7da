import { lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { extract, pack } from 'tar-stream';
import { frames, getPath, openShell, putPath } from '../../sessions/frames.ts';
import { eventually, type Rig, SESSION, startSession } from './agent-rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startSession();
  symlinkSync('/etc', join(rig.dir, 'work', 'outside'));
  symlinkSync('/etc/passwd', join(rig.dir, 'work', 'passwd'));
});
afterAll(() => rig.stop());

const get = (path: string) => getPath(rig.connect, SESSION, rig.secrets, path);
const put = (to: Parameters<typeof putPath>[3], data: Uint8Array | AsyncIterable<Uint8Array>) =>
  putPath(rig.connect, SESSION, rig.secrets, to, data instanceof Uint8Array ? Readable.from([data]) : data);

describe('files of the work directory', () => {
  it('go there and come back whole, with their mode', async () => {
    const data = Buffer.alloc(3_000_001, 'abc');
    await put({ path: 'data/run.sh', kind: 'file', mode: 0o755 }, data);
    expect(statSync(join(rig.dir, 'work/data/run.sh')).mode & 0o777).toBe(0o755);
    const back = await get('data/run.sh');
    expect(back).toMatchObject({ kind: 'file', size: data.length, mode: 0o755 });
    expect((await buffer(back.stream)).equals(data)).toBe(true);
  });

  it('go into a directory that is there, under their own name', async () => {
    await put({ path: 'data', kind: 'file', mode: 0o644, name: 'a.txt' }, Buffer.from('a'));
    expect(readFileSync(join(rig.dir, 'work/data/a.txt'), 'utf8')).toBe('a');
  });

  it('come as a tar stream where they are a directory', async () => {
    writeFileSync(join(rig.dir, 'work/data/é.txt'), 'e');
    const { stream } = await get('data');
    const names: string[] = [];
    const archive = extract();
    archive.on('entry', (header, content, next) => {
      names.push(`${header.type} ${header.name}`);
      content.resume().on('end', next);
    });
    await pipeline(stream, archive);
    expect(names).toContain('file run.sh');
    expect(names).toContain('file é.txt');
  });

  it('are refused where a link or a path leads out', async () => {
    for (const path of ['passwd', 'outside/passwd', '../job.json', '/etc/passwd', 'missing'])
      await expect(get(path)).rejects.toMatchObject({ code: 'E-WORK' });
    await expect(put({ path: 'outside/x', kind: 'file', mode: 0o644 }, Buffer.from('x'))).rejects.toThrow('is a link');
    const tar = pack();
    tar.entry({ name: 'out', type: 'symlink', linkname: '/etc' });
    tar.entry({ name: 'out/x' }, 'x');
    tar.finalize();
    await expect(put({ path: 'hostile', kind: 'directory', mode: 0o700 }, tar as never)).rejects.toThrow('is a link');
    expect(lstatSync(join(rig.dir, 'work/hostile/out')).isSymbolicLink()).toBe(true);
  });
});

describe('a shell', () => {
  it('runs in the container with a terminal of the size asked for, and tells its exit status', async () => {
    const shell = await openShell(rig.connect, SESSION, rig.secrets, {
      terminal: { rows: 33, cols: 111, term: 'xterm' },
    });
    let shown = '';
    shell.output.on('data', (data) => {
      shown += data;
    });
    shell.write(Buffer.from('stty size; cat README.md\n'));
    await eventually(() => shown.includes('33 111') && shown.includes('of the image'));
    shell.resize({ rows: 20, cols: 40 });
    shell.write(Buffer.from('stty size; exit 7\n'));
    expect(await shell.exited).toBe(7);
    expect(shown).toContain('20 40');
  });
});

describe('frames', () => {
  it('are the same however the stream is cut', async () => {
    const frame = fc.tuple(fc.constantFrom('d', 'r', 'x'), fc.uint8Array({ maxLength: 300 }));
    await fc.assert(
      fc.asyncProperty(fc.array(frame), fc.integer({ min: 1, max: 50 }), async (sent, step) => {
        const bytes = Buffer.concat(
          sent.map(([kind, data]) => {
            const head = Buffer.alloc(5);
            head.write(kind);
            head.writeUInt32BE(data.length, 1);
            return Buffer.concat([head, data]);
          }),
        );
        const cuts: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += step) cuts.push(bytes.subarray(at, at + step));
        const got: [string, Uint8Array][] = [];
        for await (const { kind, data } of frames(Readable.from(cuts, { objectMode: true })))
          got.push([kind, Uint8Array.from(data)]);
        expect(got).toEqual(sent);
      }),
    );
  });
});
