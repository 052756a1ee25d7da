/** TAR-01, -02, -03, -06 at the work directory: a hostile archive is refused by name before anything is written. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Header, pack } from 'tar-stream';
import { Agent, prepare, temporary } from './work-rig.ts';

const agent = new Agent();
let temp = temporary();
let work = '';
beforeEach(() => {
  temp = temporary();
  work = join(temp.dir, 'work');
});
afterEach(() => temp.remove());
afterAll(() => agent.close());

describe('the work directory', () => {
  const file = (name: string) => ({ name, type: 'file' }) as const;
  const link = (name: string, linkname: string) => ({ name, type: 'symlink', linkname }) as const;
  it.each<[string, (Partial<Header> & { name: string })[], string]>([
    ['a name that goes up', [file('../x')], "'../x'"],
    ['an absolute name', [file('/etc/x')], "'/etc/x'"],
    ['a name that goes up inside', [file('a/../../b')], "'a/../../b'"],
    ['our own corner', [file('.hpcbinder/manifest.json')], "'.hpcbinder/manifest.json'"],
    ['a .git in other letters', [file('.GIT/hooks/x')], "'.GIT/hooks/x'"],
    ['a hard link', [file('a'), { name: 'b', type: 'link', linkname: 'a' }], "'b'"],
    ['a device', [{ name: 'dev', type: 'character-device' }], "'dev'"],
    ['a pipe', [{ name: 'fifo', type: 'fifo' }], "'fifo'"],
    ['a file through a link', [link('x', '/etc'), file('x/passwd')], "'x/passwd'"],
    ['a link over a directory with files', [file('x/a'), link('x', '/etc')], "'x'"],
    ['an entry twice', [file('a'), file('a')], "'a'"],
    ['a path without end', [file(Array(200).fill('d').join('/'))], 'refused'],
  ])('refuses a content with %s and says which', async (_what, headers, named) => {
    const content = join(temp.dir, 'hostile.tar.gz');
    const tar = pack();
    for (const header of headers) {
      if (header.type === 'file') tar.entry(header, 'x');
      else tar.entry(header);
    }
    tar.finalize();
    const parts: Uint8Array[] = [];
    for await (const part of tar) parts.push(part as Uint8Array);
    writeFileSync(content, gzipSync(Buffer.concat(parts)));
    const answer = await agent.ask(prepare(work, { content, id: 'git:1', short: '1111111' }));
    expect(answer).toMatchObject({ code: 'E-WORK', error: expect.stringContaining(named) });
    expect(existsSync(work)).toBe(false);
  });

  it('says what is wrong with an archive that is cut, is no archive or is gone', async () => {
    const content = join(temp.dir, 'c.tar.gz');
    const ask = () => agent.ask(prepare(work, { content, id: 'git:1', short: '1111111' }));
    expect(await ask()).toMatchObject({ error: expect.stringContaining('gone') });
    writeFileSync(content, 'text');
    expect(await ask()).toMatchObject({ error: expect.stringContaining('damaged') });
    writeFileSync(content, gzipSync(Buffer.alloc(5000, 7)).subarray(0, 20));
    expect(await ask()).toMatchObject({ error: expect.stringContaining('damaged') });
  });
});
