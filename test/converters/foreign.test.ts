/** Converters of others, by fakes that say so: their words, and what is made of what they leave. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { buildWords, convertByApptainer } from '../../converters/apptainer.ts';
import { sifFront } from '../../converters/sif.ts';
import { convertByUpstream, UPSTREAM_IMAGE } from '../../converters/upstream.ts';
import type { Engine } from '../../core/engine.ts';
import { engineOf } from '../hostile/fake-engine.ts';

const dir = mkdtempSync(join(tmpdir(), 'hb-foreign-'));
const bin = join(dir, 'bin');
mkdirSync(bin);
afterAll(() => rmSync(dir, { recursive: true }));

const SIF = Buffer.concat([
  sifFront({ platform: 'linux/amd64', identity: 'x', created: 0, objects: [] }, 3),
  Buffer.from('end'),
]);
writeFileSync(join(dir, 'ready.sif'), SIF);

function apptainer(build: string, says = 'apptainer version 1.4.5'): void {
  const text = `#!/bin/sh\n[ "$1" = --version ] && { echo '${says}'; exit 0; }\nenv > '${dir}/env'; echo "$@" > '${dir}/words'\n${build}\n`;
  writeFileSync(join(bin, 'apptainer'), text);
  chmodSync(join(bin, 'apptainer'), 0o755);
}

const engine: Engine = { ...engineOf(() => []), save: async () => Readable.from([Buffer.from('an archive')]) };
const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: '/home/u', GITHUB_TOKEN: 't0ken', APPTAINER_TMPDIR: '/big' };
const path = join(dir, 'a:b.sif');

describe('--converter apptainer', () => {
  it('has the image saved, built by relative names, checked, measured and recorded', async () => {
    apptainer(`cat ./*.archive > '${dir}/seen'; cat '${dir}/ready.sif' > "$4"`);
    const sif = await convertByApptainer(engine, 'x', path, { env });
    expect(sif).toMatchObject({ path, bytes: SIF.length, converter: 'apptainer 1.4.5' });
    expect(readFileSync(join(dir, 'seen'), 'utf8')).toBe('an archive');
    expect(buildWords(`${path}.partial`, `${path}.archive`)).toEqual([
      ...['build', '--force', '--disable-cache', 'a:b.sif.partial', 'docker-archive:a:b.sif.archive'],
    ]);
    expect(readFileSync(join(dir, 'env'), 'utf8')).toContain('APPTAINER_TMPDIR=/big');
    expect(readFileSync(join(dir, 'env'), 'utf8')).not.toContain('t0ken');
    expect(readdirSync(dir).filter((name) => /partial|archive/.test(name))).toEqual([]);
  });

  it.each([
    ['fails', 'echo "FATAL: no" >&2; exit 255', 'E-CONVERT'],
    ['leaves something else', 'echo hello > "$4"', 'E-CONVERT'],
    ['leaves nothing', 'true', 'E-CONVERT'],
    ['has no room', 'echo "write: no space left on device" >&2; exit 255', 'E-DISK-FULL'],
  ])('leaves no file behind where it %s', async (_, script, code) => {
    rmSync(path, { force: true });
    apptainer(script);
    await expect(convertByApptainer(engine, 'x', path, { env })).rejects.toMatchObject({ code });
    expect(readdirSync(dir).filter((name) => name.startsWith('a:b'))).toEqual([]);
  });

  it('is named in the receipt with the tool that it really was', async () => {
    apptainer(`cat '${dir}/ready.sif' > "$4"`, 'singularity-ce version 4.1.1-focal');
    const { converter } = await convertByApptainer(engine, 'x', path, { env });
    expect(converter).toBe('apptainer (singularity-ce 4.1.1-focal)');
  });

  it('says so where there is none', async () => {
    await expect(convertByApptainer(engine, 'x', path, { env: { PATH: '/nowhere' } })).rejects.toMatchObject({
      code: 'E-TOOL-NONE',
    });
  });
});

describe('--converter docker2singularity (the container itself is a fake)', () => {
  it('gets the socket, its rights, an empty folder and the id of the image; its file is checked', async () => {
    const asked: Parameters<Engine['tool']>[] = [];
    const fake: Engine = {
      ...engine,
      tool: async (...words) => {
        asked.push(words);
        const { mounts, command } = words[1];
        writeFileSync(join(mounts[0]?.from ?? '', `${command[1]}.sif`), SIF);
        return { exitCode: 0 };
      },
    };
    const target = join(dir, `${'k'.repeat(32)}.sif`);
    const sif = await convertByUpstream(fake, 'x', target, { env });
    expect(sif).toMatchObject({ path: target, bytes: SIF.length, converter: 'docker2singularity 000000000000' });
    expect(asked[0]?.[1]).toMatchObject({
      command: ['--name', 'k'.repeat(32), `sha256:${'0'.repeat(64)}`],
      mounts: [{ to: '/output' }],
      socket: true,
      privileged: true,
    });
    expect(existsSync(`${target}.output`)).toBe(false);
  });

  it('ends with its last lines where it fails', async () => {
    const tool: Engine['tool'] = async (_image, { on }) => {
      on('(9/10) Building');
      on('FATAL');
      return { exitCode: 3 };
    };
    const failed = convertByUpstream({ ...engine, tool }, 'x', path, { env });
    await expect(failed).rejects.toMatchObject({ code: 'E-CONVERT', evidence: ['(9/10) Building', 'FATAL'] });
  });

  it("says so where its image can't be pulled", async () => {
    const without: Engine = {
      ...engine,
      inspect: async (image) => (image === UPSTREAM_IMAGE ? undefined : engine.inspect(image)),
      pull: async () => undefined,
    };
    await expect(convertByUpstream(without, 'x', path, { env })).rejects.toMatchObject({ code: 'E-TOOL-NONE' });
  });
});
